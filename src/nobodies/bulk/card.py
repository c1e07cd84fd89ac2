"""The card of a set: what it is, how it was made, under which terms, how to read and how to check it."""

from typing import TYPE_CHECKING, Final

from nobodies._version import __version__
from nobodies.bulk.plan import Plan
from nobodies.bulk.recipe import Recipe
from nobodies.models import Description, licence_text
from nobodies.settings import ShardKind

if TYPE_CHECKING:
    from nobodies.bulk.job import Audit

_SIZES: Final = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))

_HOLDS: Final[dict[ShardKind, str]] = {
    "webdataset": """\
`data/` has tar files after the rules of WebDataset. Each face has three members, named after its seed: the picture
(`.{suffix}`), its style code (`.w.npy`, float32) and a record (`.json`) with seed, settings, attributes and marks.

```python
import webdataset as wds

faces = wds.WebDataset("data/faces-{{00000..{last:05d}}}.tar", shardshuffle=False).decode("pil")
for face in faces:
    face["{suffix}"], face["w.npy"], face["json"]
```""",
    "parquet": """\
`data/` has Parquet tables with a row a face: `seed`, `image` (`bytes` and `path`), `w` (its style code), `settings`,
`attributes`, `measured` and `marks`.

```python
import io

import pyarrow.dataset as ds
from PIL import Image

for batch in ds.dataset("data", format="parquet").to_batches():
    for face in batch.to_pylist():
        Image.open(io.BytesIO(face["image"]["bytes"])), face["w"], face["attributes"]
```""",
}

_CARD: Final = """\
---
pretty_name: Portraits of people who do not exist
license: other
license_name: see-the-licence-chain-below
size_categories:
- {size}
tags:
- synthetic
- faces
configs:
- config_name: default
  data_files: data/*{shard_suffix}
---

# Portraits of people who do not exist

{num_faces} pictures of faces, {about_size}, {format}, drawn by the model {model} ({title}). Nobody sat for them.
Made with nobodies {version}; everything that the bytes depend on stands in `plan.json`.

## What is in it

{holds}

Attributes are read from the style code before anything is drawn (`attributes`){measured}. They say how a face looks
in a picture, not who somebody is. Numbers are in years, degrees and L* of CIELAB; chances go from 0 to 1.
{screening}

## Terms

The chain of licences of the model, as far as it is known. Decide for yourself what it means for your use.

{licences}

## Marks and limits

Every picture declares itself as made by a trained algorithm (XMP, IPTC DigitalSourceType){watermark}. There are no
signed manifests, which hold random numbers: `SHA256SUMS` has a checksum of each file instead.

The model learned from photographs of real people, more of some ages and origins than of others, and shows it. That
no face resembles one of them is likely, not certain. Faults happen: a second face at the edge, glasses that do not
match. Do not use the set to judge or to identify real people.

## How to check it, and to make it again

    sha256sum --check SHA256SUMS

The audit of the run that finished it: {audit}. The same options, with the same version of nobodies, on processors of
the same kind, give the same bytes: see `asked` in `index.json`.
"""


def card_of(plan: Plan, description: Description, audit: "Audit") -> str:
    """Write the card, Markdown with the header that Hugging Face reads."""
    recipe, suffix = plan.recipe, {"jpeg": "jpg"}.get(plan.recipe.picture.format, plan.recipe.picture.format)
    *_, last = plan.shards()
    side = recipe.picture.size_px
    return _CARD.format(
        size=next((name for most, name in _SIZES if audit.num_faces < most), "n>10M"),
        shard_suffix=last.suffix,
        num_faces=f"{audit.num_faces:,}",
        about_size=f"{side} x {side} px" if side else "at the model's own size",
        format=recipe.picture.format,
        model=recipe.model,
        title=description.title,
        version=__version__,
        holds=_HOLDS[recipe.shards.shards].format(suffix=suffix, last=last.number),
        measured=", and measured in the picture (`measured`)" if recipe.shards.analyse else "",
        screening=_screening(recipe),
        licences=licence_text(description.licence_chain) or "  - none is known",
        watermark="" if recipe.marks.watermark == "off" else " and carries an invisible watermark",
        audit=audit,
    )


def _screening(recipe: Recipe) -> str:
    wishes = recipe.wishes
    if wishes is None:
        return "The seeds were taken as they come: nobody was left out, faces that look like minors included."
    said = [f"The faces were chosen: {wishes}."] if str(wishes) else []
    said.append(
        "Faces that were predicted to look like minors were left out."
        if wishes.adults_only
        else "Faces that look like minors were let in on purpose."
    )
    if recipe.balanced:
        said.append("Groups of age, appearance and skin as lit were evened out.")
    if recipe.gate:
        said.append("Faces with visible faults were looked for and left out.")
    return " ".join(said)
