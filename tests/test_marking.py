"""No picture leaves without its marks: only the rooms that mark can encode, and whoever else does is named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import nobodies

ROOT = Path(nobodies.__file__).parent

MAY_ENCODE = {
    "imaging/encode.py": "encodes for those who mark",
    "imaging/animation.py": "likewise, for films",
    "imaging/video_writer.py": "likewise, for films",
    "imaging/video_reader.py": "opens videos to read them",
    "provenance/marks.py": "marks",
    "provenance/moving.py": "marks films",
    "cli/audit.py": "generated faces beside real ones, which are declared as composite",
    "watch.py": "copies of the user's own pictures and videos, in which faces are marked or hidden",
    "web/game.py": "photographs of the operator's own",
    "training/building.py": "crops of the user's own pictures",
}
"""Files in which a picture may become a file, and why what they write needs no marks, or has them."""
ENCODERS = {"encode", "write_animation", "writing_video"}
"""Functions of `imaging` that make files of pictures without marks."""


def encoding_calls(source: str) -> Iterator[str]:
    """Name whatever in a module makes a file of pixels: Pillow's `save`, PyAV's `open`, and our own encoders."""
    tree = ast.parse(source)
    ours = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nobodies.imaging"):
            ours |= {each.asname or each.name for each in node.names if each.name in ENCODERS}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name) if name in ours:
                yield name
            case ast.Attribute(attr="save", value=ast.Name(id=owner)) if owner in _pictures(tree):
                yield f"{owner}.save"
            case ast.Attribute(attr="save", value=ast.Call()):
                yield "(…).save"
            case ast.Attribute(attr="open", value=ast.Name(id="av")):
                yield "av.open"
            case ast.Attribute(attr=("imwrite" | "imsave" | "savefig" | "save_image") as name):
                yield name


def _pictures(tree: ast.Module) -> set[str]:
    """Names that have `save` called on them and are no known thing of another kind."""
    others = {"np", "folder", "openvino_graph", "tensorflow_graph", "program", "native", "self"}
    modules = {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return names - others - modules


def test_only_the_rooms_that_mark_make_files_of_pictures() -> None:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        if calls := sorted(set(encoding_calls(path.read_text(encoding="utf-8")))):
            found[path.relative_to(ROOT).as_posix()] = calls
    unknown = {name: calls for name, calls in found.items() if name not in MAY_ENCODE}
    assert not unknown, "write pictures with provenance.encode_marked, or say here why they need no marks"
    missing = {name for name in MAY_ENCODE if name not in found and name != "provenance/moving.py"}
    assert not missing, "these encode no more: take them off the list"


def test_the_search_finds_what_it_looks_for() -> None:
    source = """
import av, torch
import numpy as np
from nobodies.imaging import encode as enc
from PIL import Image

np.save(file, array)
torch.save(state)
picture.save(path)
Image.fromarray(pixels).save(path)
av.open(path, "w")
enc(picture)
text.encode()
"""
    assert sorted(set(encoding_calls(source))) == ["(…).save", "av.open", "enc", "picture.save"]
