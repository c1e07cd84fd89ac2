"""The numbers of an independent StyleGAN2: tests/data/stylegan2/README.md says where they come from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from nobodies.models import Description, Model
from nobodies.models.architectures.stylegan2 import StyleGan2, describe

Array = NDArray[np.float32]
NAMES = ("skip-resnet-32", "cond-16")
FOLDER = Path(__file__).parent / "data" / "stylegan2"


@dataclass(frozen=True)
class Fixture:
    """One network with inputs and outputs."""

    config: dict[str, Any]
    generator: dict[str, Array]
    discriminator: dict[str, Array]
    values: dict[str, Array]

    @property
    def architecture(self) -> StyleGan2:
        config = self.config
        sides = [4 << power for power in range((config["resolution"] // 4).bit_length())]
        channels = {side: min(config["channel_base"] // side, config["channel_max"]) for side in sides}
        sizes = (config["z_dim"], config["w_dim"], config["c_dim"], config["mapping_layers"], config["resolution"])
        return StyleGan2(*sizes, channels, 3, config["conv_clamp"])

    @property
    def labels(self) -> list[int | None]:
        return [int(each.argmax()) if each.size else None for each in self.values["c"]]

    def model(self) -> Model:
        description = Description("fixture", "", describe(self.architecture), "the tests", ())
        tensors = {name: each for name, each in self.generator.items() if "resample_filter" not in name}
        return Model(description, tensors)


def load(name: str) -> Fixture:
    weights = load_file(FOLDER / f"{name}.weights.safetensors")
    generator, discriminator = (
        {key[2:]: each for key, each in weights.items() if key.startswith(prefix)} for prefix in ("G.", "D.")
    )
    config = json.loads((FOLDER / f"{name}.json").read_text())
    return Fixture(config, generator, discriminator, load_file(FOLDER / f"{name}.values.safetensors"))


def relative_error(ours: Any, theirs: Any) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
