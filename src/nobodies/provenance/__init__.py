"""Marks that say a picture was generated, and how to find them again."""

from nobodies.provenance.xmp import SOURCE_TYPE, is_marked, packet, recipe_of

__all__ = ["SOURCE_TYPE", "is_marked", "packet", "recipe_of"]
