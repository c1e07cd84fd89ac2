"""The XMP packet that says a picture was generated, by what, and how to make it again.

Properties and values are those of the IPTC Photo Metadata Standard 2025.1: DigitalSourceType with the term
`trainedAlgorithmicMedia`, AISystemUsed and AISystemVersionUsed. The recipe is ours.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from nobodies._version import __version__

SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE_SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""Of a picture put together from generated ones and others."""

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_OURS: Final = "urn:nobodies:1.0/"
_MOST_PACKET_BYTES: Final = 1 << 18

_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description rdf:about=""
 xmlns:xmp="{xmp}" xmlns:Iptc4xmpExt="{iptc}" xmlns:nobodies="{ours}"
 xmp:CreatorTool={tool}
 Iptc4xmpExt:DigitalSourceType={source}
 Iptc4xmpExt:AISystemUsed={system}
 Iptc4xmpExt:AISystemVersionUsed={version}{recipe}/></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def packet(recipe: Mapping[str, Any] | None, *, source_type: str = SOURCE_TYPE) -> bytes:
    """Write the packet.

    Args:
        recipe: what made the picture: model, seed, settings. JSON values only. None keeps it out.
        source_type: the term of IPTC's that the picture is declared by.

    Returns:
        UTF-8 bytes for the XMP place of any file format.
    """
    own = "" if recipe is None else f"\n nobodies:Recipe={quoteattr(_compact(recipe))}"
    return _PACKET.format(
        rdf=_RDF,
        xmp=_XMP,
        iptc=_IPTC,
        ours=_OURS,
        tool=quoteattr(f"nobodies {__version__}"),
        source=quoteattr(source_type),
        system=quoteattr("nobodies"),
        version=quoteattr(__version__),
        recipe=own,
    ).encode()


def _compact(recipe: Mapping[str, Any]) -> str:
    return json.dumps(recipe, sort_keys=True, separators=(",", ":"))


def is_marked(xmp: bytes) -> bool:
    """Tell whether a packet declares its picture as made by a trained algorithm."""
    return _property(xmp, _IPTC, "DigitalSourceType") == SOURCE_TYPE


def recipe_of(xmp: bytes) -> dict[str, Any] | None:
    """Read back the recipe of a packet; None if it has none, is damaged, or was written by another program."""
    text = _property(xmp, _OURS, "Recipe")
    if text is None:
        return None
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return recipe if isinstance(recipe, dict) else None


def _property(xmp: bytes, namespace: str, name: str) -> str | None:
    # A packet has no use for a document type, and without one no entity can be defined.
    if len(xmp) > _MOST_PACKET_BYTES or b"<!" in xmp:
        return None
    try:
        tree = ET.fromstring(xmp)
    except ET.ParseError:
        return None
    for description in tree.iter(f"{{{_RDF}}}Description"):
        if (value := description.get(f"{{{namespace}}}{name}")) is not None:
            return value
        if (child := description.find(f"{{{namespace}}}{name}")) is not None:
            return child.text or ""
    return None
