"""TensorBoard files of a run: figures and sample sheets."""

from pathlib import Path
from typing import Any

from nobodies.errors import DependencyError
from nobodies.training.run import Progress


class Board:
    """Writes `run/board`, which `tensorboard --logdir` reads.

    Raises:
        DependencyError: tensorboardX is not installed.
    """

    def __init__(self, run: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise DependencyError("TensorBoard files need tensorboardX: pip install 'nobodies[train]'") from error
        self._samples = run / "samples"
        self._writer: Any = SummaryWriter(str(run / "board"))

    def write(self, progress: Progress) -> None:
        """Add one point to each curve, and the samples where there are new ones."""
        report = progress.report
        figures = {
            "loss/generator": report.generator_loss,
            "loss/discriminator": report.discriminator_loss,
            "loss/path length": report.path_length_loss,
            "loss/r1": report.r1_loss,
            "discriminator/sign of real": report.real_sign,
            "discriminator/score of real": report.real_score,
            "discriminator/score of made": report.fake_score,
            "augment/p": progress.augment_p,
            "speed/pictures per second": progress.pictures_per_s,
        }
        for name, value in figures.items():
            if value is not None:
                self._writer.add_scalar(name, value, progress.num_pictures)
        if progress.snapshot is not None:
            self._add_samples(progress.num_pictures)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def _add_samples(self, num_pictures: int) -> None:
        import numpy as np
        from PIL import Image

        with Image.open(self._samples / f"{num_pictures:010d}.png") as image:
            pixels = np.asarray(image.convert("RGB"))
        self._writer.add_image("samples", pixels, num_pictures, dataformats="HWC")
        self._writer.flush()
