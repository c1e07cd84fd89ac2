"""Make the model that ships with nobodies from a training run.

    python tools/build_mini_faces.py RUN

RUN is the folder of a run, or one of its generators, trained as docs/results-training.md tells: on 20,500 portraits
of adults that the default model drew, so that no photograph was seen.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from nobodies.files import make_folder
from nobodies.models import LicenceLink, native
from nobodies.models.catalogue import MINI_FACES, SHIPPED, find
from nobodies.settings import DEFAULT_MODEL
from nobodies.training.checkpoint import load_generator
from nobodies.training.export import to_model
from nobodies.training.run import newest_generator


def main() -> None:
    """Write weights, configuration and licence chain into the package."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    path = newest_generator(parser.parse_args().run)
    model = to_model(
        load_generator(path),
        name=MINI_FACES,
        title="small portraits at 64 px, a StyleGAN2 trained with nobodies on portraits that nobodies drew",
        source=f"nobodies train, {path.name}",
        licence="",
    )
    chain = (
        LicenceLink("the weights (nobodies train, face-64-cpu, narrowed)", "the nobodies authors", "Apache-2.0"),
        LicenceLink(
            f"the 20,500 portraits they learned from (drawn by {DEFAULT_MODEL})",
            "nobody",
            "that of the model that drew them, as follows",
        ),
        *find(DEFAULT_MODEL).licence_chain,
    )
    folder = SHIPPED[MINI_FACES]
    make_folder(folder)
    saved = native.save(replace(model, description=replace(model.description, licence_chain=chain)), folder)
    print(f"{folder}: {saved.description.weights_sha256}")


if __name__ == "__main__":
    main()
