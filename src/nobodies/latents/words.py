"""The words and phrases that wishes are read from and written in."""

import re
from collections.abc import Mapping
from typing import Final

from nobodies.latents.vocabulary import ATTRIBUTES, Range

ADULT_AGE: Final = 20.0
"""Faces that look younger count as minors: 18, and a margin for what the eye and the fit may err."""
SCREENED_AGE: Final = 24.0
"""Faces are not drawn as adults unless they are predicted to look this old: ages read from w are off by 5 years."""

SPOKEN: Final = {
    "woman": ("woman", "man"),
    "smile": ("smiling", "not smiling"),
    "eyeglasses": ("eyeglasses", "no eyeglasses"),
    "sunglasses": ("sunglasses", "no sunglasses"),
    "beard": ("beard", "no beard"),
    "mouth_open": ("mouth open", "mouth closed"),
    "eyes_open": ("eyes open", "eyes closed"),
}
"""How each property is written, wished for and wished against."""

_FRONT: Final = {"yaw": Range(-8, 8), "pitch": Range(-16, 4)}
"""Measured by the mesh, faces that look straight at the camera have a pitch of -6 on average."""

WORDS: Final[Mapping[str, Mapping[str, Range | bool]]] = {
    "woman": {"woman": True}, "female": {"woman": True}, "lady": {"woman": True}, "women": {"woman": True},
    "man": {"woman": False}, "male": {"woman": False}, "gentleman": {"woman": False}, "men": {"woman": False},
    "smile": {"smile": True}, "smiling": {"smile": True}, "smiles": {"smile": True},
    "happy": {"smile": True}, "serious": {"smile": False}, "unsmiling": {"smile": False},
    "eyeglasses": {"eyeglasses": True}, "glasses": {"eyeglasses": True}, "spectacles": {"eyeglasses": True},
    "sunglasses": {"sunglasses": True}, "shades": {"sunglasses": True},
    "no glasses": {"eyeglasses": False, "sunglasses": False},
    "beard": {"beard": True}, "bearded": {"beard": True},
    "clean-shaven": {"beard": False}, "clean shaven": {"beard": False}, "shaven": {"beard": False},
    "mouth open": {"mouth_open": True}, "open mouth": {"mouth_open": True}, "lips apart": {"mouth_open": True},
    "mouth closed": {"mouth_open": False}, "closed mouth": {"mouth_open": False},
    "eyes open": {"eyes_open": True}, "open eyes": {"eyes_open": True},
    "eyes closed": {"eyes_open": False}, "closed eyes": {"eyes_open": False},
    "facing front": _FRONT, "frontal": _FRONT,
    "facing forward": _FRONT, "front": _FRONT,
    "facing left": {"yaw": Range(-60, -12)}, "turned left": {"yaw": Range(-60, -12)},
    "facing right": {"yaw": Range(12, 60)}, "turned right": {"yaw": Range(12, 60)},
    "facing up": {"pitch": Range(4, 40)}, "looking up": {"pitch": Range(4, 40)},
    "facing down": {"pitch": Range(-40, -16)}, "looking down": {"pitch": Range(-40, -16)},
    "child": {"age": Range(0, 12)}, "teenager": {"age": Range(13, 19)}, "adult": {"age": Range(ADULT_AGE, 90)},
    "girl": {"woman": True, "age": Range(0, 15)}, "boy": {"woman": False, "age": Range(0, 15)},
    "young": {"age": Range(20, 30)}, "middle-aged": {"age": Range(40, 55)}, "middle aged": {"age": Range(40, 55)},
    "old": {"age": Range(60, 90)}, "elderly": {"age": Range(65, 90)},
    "dark hair": {"hair_lightness": Range(0, 25)}, "light hair": {"hair_lightness": Range(45, 100)},
    "dark background": {"background_lightness": Range(0, 35)},
    "light background": {"background_lightness": Range(65, 100)},
    "bright background": {"background_lightness": Range(65, 100)},
}  # fmt: skip
"""What each word or phrase asks for. Left and right are the picture's."""

MEASURES: Final[Mapping[str, str]] = {
    "age": "age", "aged": "age", "about": "age", "around": "age", "of": "age",
    "yaw": "yaw", "pitch": "pitch",
    "hair": "hair_lightness", "hair lightness": "hair_lightness",
    "skin": "skin_lightness", "skin lightness": "skin_lightness",
    "background": "background_lightness", "background lightness": "background_lightness",
    **{name: name for name, attribute in ATTRIBUTES.items() if attribute.kind == "number"},
}  # fmt: skip
"""What each word before a number measures."""

FILLERS: Final = frozenset(
    {"a", "an", "the", "and", "with", "is", "face", "person", "portrait", "who", "wearing", "has", "her", "his"}
)
DENIALS: Final = frozenset({"no", "not", "without", "never", "non"})
YES: Final = frozenset({"yes", "true", "on"})
NO: Final = frozenset({"no", "none", "false", "off"})
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
VALUE = re.compile(
    rf"(?:(?P<low>{_NUMBER})\s*(?:\.\.+|…|–|-|\bto\b|\band\b)\s*(?P<high>{_NUMBER})"
    rf"|(?P<sign>>=|<=|>|<|over|above|under|below|at least|at most|from|up to)\s*(?P<bound>{_NUMBER})"
    rf"|(?P<one>{_NUMBER})\s*(?P<plus>\+)?)"
)
UNITS = re.compile(r"\b(?:years?|yrs?|old|degrees?|deg)\b|°")
ABOVE: Final = frozenset({">", ">=", "over", "above", "at least", "from"})
"""Signs of a value that bound it from below."""
