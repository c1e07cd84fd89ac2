"""Marks that say a picture was generated, and how to find them again."""

from nobodies.provenance.marks import encode_marked, mark_recipe
from nobodies.provenance.moving import write_marked_animation
from nobodies.provenance.xmp import COMPOSITE_SOURCE_TYPE, SOURCE_TYPE, is_marked, packet, recipe_of

__all__ = [
    "COMPOSITE_SOURCE_TYPE",
    "SOURCE_TYPE",
    "encode_marked",
    "is_marked",
    "mark_recipe",
    "packet",
    "recipe_of",
    "write_marked_animation",
]
