"""Models: the catalogue, the cache, the native format, importers of other people's weights."""

from nobodies.models.catalogue import CATALOGUE, KnownModel, LicenceLink, Wheel
from nobodies.models.native import Description, Model
from nobodies.models.store import Entry, LogWatcher, Store, Watcher, licence_text

__all__ = [
    "CATALOGUE",
    "Description",
    "Entry",
    "KnownModel",
    "LicenceLink",
    "LogWatcher",
    "Model",
    "Store",
    "Watcher",
    "Wheel",
    "licence_text",
]
