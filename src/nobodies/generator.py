"""`Generator`: seeds in, faces out. What library users, the command line and the site all call."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies import latents
from nobodies.choosing import Search, attributes_of, index_of
from nobodies.editing import edit_checked
from nobodies.engines import Engine, Job, open_engine
from nobodies.errors import SettingError, ShapeError
from nobodies.files import write_atomic
from nobodies.imaging import format_of, resize
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.edits import Change, Edited, edit
from nobodies.latents.seed_index import SeedIndex
from nobodies.latents.wishes import Wishes, parse_wishes
from nobodies.models import Model, Store, Watcher
from nobodies.provenance import encode_marked, mark_recipe
from nobodies.settings import (
    DEFAULT_MODEL,
    EngineSettings,
    FaceOptions,
    FaceSettings,
    MarkSettings,
    PictureFormat,
    PictureSettings,
)

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A person who does not exist."""

    pixels: NDArray[np.uint8]
    """[R, R, 3], RGB."""
    w: Array
    """The style codes it was drawn from, one a layer, truncation applied: [L, W]."""
    seed: int | None
    """What names it; None if it was made from codes given directly."""
    settings: FaceSettings
    model: str
    weights: str
    """Fingerprint of the model's weights."""
    _sized: dict[int, Image.Image] = field(default_factory=dict, init=False, repr=False)

    @property
    def image(self) -> Image.Image:
        """The picture, RGB, as Pillow knows it."""
        return Image.fromarray(self.pixels)

    @property
    def size_px(self) -> int:
        """Side of the picture, in pixels."""
        return int(self.pixels.shape[0])

    def sized(self, size_px: int) -> Image.Image:
        """Give the picture at a smaller size, to be read only: the gate and the file may want the same one."""
        if (found := self._sized.get(size_px)) is None:
            found = resize(self.image, size_px)
            self._sized.clear()
            self._sized[size_px] = found
        return found

    def recipe(self) -> dict[str, Any]:
        """Say what made this face, in JSON values: enough to make it again, and to tell it from any other."""
        return recipe(self.model, self.weights, self.settings, seed=self.seed, w=self.w)

    def edit(self, **changes: Change | float | str) -> Edited:
        """Change this face, such as `edit(age=+10, smile=+1)`; see `Generator.edit`.

        Returns:
            Style codes, for `Generator.face(w=edited.ws)`.

        Raises:
            SettingError: an attribute that there is not, or a value that no face has.
            ModelError: no attributes are shipped for its model.
        """
        return edit(AttributeModel.load(self.model), self.w, changes)

    def encode(
        self,
        *,
        format: PictureFormat = "jpeg",
        size_px: int | None = None,
        quality: int | None = None,
        marks: MarkSettings | None = None,
        made_from: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Make a file of the picture, marked as generated.

        Args:
            format: file format.
            size_px: side; its own if None.
            quality: 1 to 100; the format's default if None. Not for png.
            marks: which marks say that it was generated; all that can be made if None.
            made_from: what else is to stand in the recipe, in JSON values.

        Returns:
            The file, with a watermark in its pixels, an XMP packet that declares it as made by a trained algorithm
            and carries the recipe, and, where the extra c2pa is installed, a signed manifest. The same face gives
            the same bytes each time but for the manifest, which holds random numbers.

        Raises:
            SettingError: the picture is not that large, or the format takes no quality.
            DependencyError: a manifest is asked for and cannot be made.
        """
        marks = marks or MarkSettings()
        picture = PictureSettings(format=format, size_px=size_px, quality=quality)
        image = self.sized(checked_size(picture, self.size_px, self.model))
        made = self.recipe() | dict(made_from or {}) | picture_recipe(picture) | mark_recipe(marks)
        return encode_marked(image, made, format=format, quality=quality, marks=marks)

    def save(
        self,
        path: str | Path,
        *,
        size_px: int | None = None,
        format: PictureFormat | None = None,
        quality: int | None = None,
        marks: MarkSettings | None = None,
    ) -> Path:
        """Write the picture to a file, marked as generated. Arguments as for `encode`.

        Args:
            path: the file to write; its folder must exist. Its ending gives the format, unless `format` does.
            size_px: side; its own if None.
            format: file format.
            quality: 1 to 100; the format's default if None. Not for png.
            marks: which marks say that it was generated; all that can be made if None.

        Returns:
            The path.

        Raises:
            SettingError: as for `encode`, or no format can be told from the name.
            OutputError: the file cannot be written. Nothing is left behind.
        """
        path = Path(path)
        format = format or format_of(path)
        write_atomic(path, self.encode(format=format, size_px=size_px, quality=quality, marks=marks))
        return path


class Generator:
    """A model, ready to make faces. One may be shared by several threads."""

    def __init__(self, model: Model, engine: Engine) -> None:
        """Join a model and the engine that runs it; most users want `Generator.load`."""
        self.model = model
        self.engine = engine
        self.w_avg = model.tensors["mapping.w_avg"]

    @classmethod
    def load(
        cls,
        model: str = DEFAULT_MODEL,
        *,
        engine: EngineSettings | None = None,
        store: Store | None = None,
        watcher: Watcher | None = None,
    ) -> "Generator":
        """Make a model ready. The first time, it is fetched and its licence chain is shown.

        Args:
            model: a name from `nobodies models list`.
            engine: precision, threads, streams.
            store: the cache of models; the user's own if None.
            watcher: told of licence and download; the log if None.

        Raises:
            ModelError: the model is unknown or cannot be fetched.
            WeightsError: its weights are damaged and cannot be fetched again.
        """
        store = store or Store()
        loaded = store.load(model, watcher)
        return cls(loaded, open_engine(loaded, engine or EngineSettings(), compiled_folder=store.compiled_folder))

    def w(self, seed: int | str, **options: Unpack[FaceOptions]) -> Array:
        """Give the style codes of a seed, [L, W], without drawing the face; options as for `face`."""
        return self.styles_of_seed(latents.parse_seed(seed), FaceSettings(**options))

    def face(
        self,
        seed: int | str | None = None,
        *,
        z: NDArray[Any] | None = None,
        w: NDArray[Any] | None = None,
        **options: Unpack[FaceOptions],
    ) -> Face:
        """Make one face, from exactly one of a seed, a latent code or style codes.

        Args:
            seed: a whole number of 64 bits or any text.
            z: latent code, [Z].
            w: style codes, [W] or one a layer [L, W]; used as they are, without truncation.
            **options: `psi`, truncation: 1 gives every face the model can make, 0 the average face; `cutoff`,
                truncate the first so many layers only; `noise`, "stored", "none" or "seeded" (needs a seed).

        Returns:
            The face. The same arguments give the same picture, alone or among others.

        Raises:
            SettingError: an option out of its range, or not exactly one of `seed`, `z` and `w`.
            ShapeError: `z` or `w` does not fit the model.
        """
        if sum(each is not None for each in (seed, z, w)) != 1:
            raise SettingError("give exactly one of seed, z and w")
        if seed is not None:
            return next(self.faces([seed], **options))
        faces = list(
            self.faces_from_w(w, **options) if w is not None else self.faces_from_z(np.asarray(z), **options)
        )
        if len(faces) != 1:
            raise ShapeError(f"the codes are of {len(faces)} faces: face() makes one, faces_from_w() many")
        return faces[0]

    def faces(self, seeds: Iterable[int | str], **options: Unpack[FaceOptions]) -> Iterator[Face]:
        """Make a face for each seed, in their order, while the next are already being worked on.

        Args:
            seeds: any number of them, taken as needed.
            **options: as for `face`.
        """
        settings = FaceSettings(**options)
        return self.draw(self._seeded(seeds, settings), settings)

    def faces_from_z(self, z: NDArray[Any], **options: Unpack[FaceOptions]) -> Iterator[Face]:
        """Make a face for each row of latent codes [N, Z]; options as for `face`."""
        settings = FaceSettings(**options)
        rows = self.conform_z(z)
        return self.draw(((None, self.styles(row[None], settings)[0]) for row in rows), settings)

    def faces_from_w(self, w: NDArray[Any], **options: Unpack[FaceOptions]) -> Iterator[Face]:
        """Make a face for each of the style codes [N, W] or [N, L, W].

        Raises:
            SettingError: truncation was asked for; style codes are used as they are. See `latents.truncate`.
        """
        if options.get("psi", 1.0) != 1.0 or options.get("cutoff") is not None:
            raise SettingError("style codes are used as they are: leave out psi and cutoff, or truncate them first")
        settings = FaceSettings(psi=1.0, noise=options.get("noise", FaceSettings.noise))
        return self.draw(((None, ws) for ws in self.conform(w)), settings)

    @cached_property
    def attributes(self) -> AttributeModel:
        """What reads attributes from this model's style codes.

        Raises:
            ModelError: none was fitted for it.
        """
        return attributes_of(self.model)

    @cached_property
    def seed_index(self) -> SeedIndex | None:
        """What makes searches among the first seeds quick; None if there is none for these attributes."""
        return index_of(self.model.name, self.attributes)

    def choose(
        self,
        wishes: Wishes | str,
        *,
        count: int,
        from_seed: int | str = 1,
        balanced: bool = False,
        **options: Unpack[FaceOptions],
    ) -> Iterator[int]:
        """Find seeds whose faces are as wished. Nothing is drawn; `nobodies.choosing.Search` has more to set.

        Args:
            wishes: what the faces shall be like, typed or as a line of text; "" for any adults.
            count: how many are wanted.
            from_seed: the first seed to look at.
            balanced: let groups of age, appearance and skin as lit come up alike; see `nobodies.latents.balance`.
            **options: as for `face`, and the same as the faces will be drawn with.

        Yields:
            Seeds in order. Each is found when it is taken.

        Raises:
            SettingError: wishes that are not understood, contradict each other, or cannot be.
            ModelError: no attributes are known for this model.
            SearchError: too few were found; comes after those that were.
        """
        wished = parse_wishes(wishes) if isinstance(wishes, str) else wishes
        first = latents.parse_seed(from_seed)
        return Search(self, wished, FaceSettings(**options), from_seed=first, balanced=balanced).find(count)

    def edit(
        self,
        face: int | str | NDArray[Any],
        changes: Mapping[str, Change | float | str],
        *,
        checked: bool = False,
        **options: Unpack[FaceOptions],
    ) -> Edited:
        """Change a face: the smallest step that moves what is asked and holds the other attributes.

        Args:
            face: a seed, or style codes [W] or [L, W].
            changes: by attribute: a number is a step, such as age +10; text is as on the command line, "60" or
                "none" for a value; see `nobodies.latents.edits.changes_from`.
            checked: draw the face before and after, measure how far it went and whether it is the same person, and
                correct that.
            **options: for a seed, as for `face`.

        Returns:
            The new codes, for `face(w=edited.ws)`, and what was clamped so that the face does not break.

        Raises:
            SettingError: an attribute that there is not, or a value that no face has.
            ModelError: no attributes are known for this model.
            InputError: it is to be checked, and no face is seen in the picture.
        """
        ws = self.w(face, **options) if isinstance(face, int | str) else self.conform(face)[0]
        return edit_checked(self, ws, changes) if checked else edit(self.attributes, ws, changes)

    def conform(self, w: NDArray[Any]) -> Array:
        """Bring style codes to [N, L, W]; see `latents.conform`."""
        return latents.conform(w, num_ws=self.engine.num_ws, w_dim=self.engine.w_dim)

    def conform_z(self, z: NDArray[Any]) -> Array:
        """Bring latent codes to [N, Z].

        Raises:
            ShapeError: they are neither [Z] nor [N, Z], or not finite numbers.
        """
        codes = np.atleast_2d(np.asarray(z))
        if codes.ndim != 2 or codes.shape[1] != self.engine.z_dim or codes.dtype.kind not in "fiu":
            raise ShapeError(f"z is {list(np.shape(z))} of {codes.dtype}: this model takes [N, {self.engine.z_dim}]")
        codes = codes.astype(np.float32)
        if not np.isfinite(codes).all():
            raise ShapeError("z holds values that are not finite numbers")
        return codes

    def styles(self, z: Array, settings: FaceSettings) -> Array:
        """Turn latent codes [N, Z] into truncated style codes [N, L, W]."""
        ws = latents.broadcast(self.engine.map(z, label=settings.label), self.engine.num_ws)
        return latents.truncate(ws, self.w_avg, psi=settings.psi, cutoff=settings.cutoff)

    def styles_of_seed(self, seed: int, settings: FaceSettings) -> Array:
        """Give the truncated style codes of a seed, [L, W]."""
        ws: Array = self.styles(latents.z_from_seed(seed, self.engine.z_dim)[None], settings)[0]
        return ws

    def styles_of_seeds(self, seeds: Sequence[int], settings: FaceSettings) -> Array:
        """Give those of many seeds at once, [N, L, W], to the last bit as `styles_of_seed` does, in less time."""
        return self.styles(latents.z_from_seeds(seeds, self.engine.z_dim), settings)

    def draw(self, codes: Iterable[tuple[int | None, Array]], settings: FaceSettings) -> Iterator[Face]:
        """Draw the faces of style codes, in order.

        Args:
            codes: pairs of seed, or None, and truncated style codes [L, W].
            settings: how the codes came about; of these, only the noise is still to be done.

        Raises:
            SettingError: seeded noise for a face without a seed.
        """
        for job, pixels in self.engine.stream((self._job(*each, settings) for each in codes), noise=settings.noise):
            yield Face(pixels, job.ws, job.tag, settings, self.model.name, self.model.fingerprint)

    def _seeded(self, seeds: Iterable[int | str], settings: FaceSettings) -> Iterator[tuple[int, Array]]:
        for each in seeds:
            seed = latents.parse_seed(each)
            yield seed, self.styles_of_seed(seed, settings)

    def _job(self, seed: int | None, ws: Array, settings: FaceSettings) -> Job:
        if settings.noise != "seeded":
            return Job(ws, tag=seed)
        if seed is None:
            raise SettingError("noise 'seeded' needs a seed: choose 'stored' or 'none' for faces made from z or w")
        return Job(ws, latents.noise_from_seed(seed, self.engine.noise_sizes_px), tag=seed)


def load(model: str = DEFAULT_MODEL, **options: Any) -> Generator:
    """Make a model ready; short for `Generator.load`."""
    return Generator.load(model, **options)


def recipe(
    model: str, weights: str, settings: FaceSettings, *, seed: int | None, w: Array | None = None
) -> dict[str, Any]:
    """Say what makes a face, in JSON values.

    Args:
        model: name of the model.
        weights: fingerprint of its weights.
        settings: how it is drawn.
        seed: what names it, or None.
        w: its style codes, [L, W]; needed if there is no seed, for a checksum that takes its place.
    """
    made = {
        "model": model,
        "weights": weights,
        "psi": settings.psi,
        "cutoff": settings.cutoff,
        "noise": settings.noise,
    }
    if settings.label is not None:
        made["label"] = settings.label
    if seed is not None:
        return made | {"seed": seed}
    assert w is not None, "a face without a seed is known by its codes"
    return made | {"w_sha256": hashlib.sha256(np.ascontiguousarray(w, "<f4").tobytes()).hexdigest()}


def picture_recipe(picture: PictureSettings) -> dict[str, Any]:
    """Say how a face was written to its file, in JSON values."""
    return {"format": picture.format, "size_px": picture.size_px, "quality": picture.quality}


def checked_size(picture: PictureSettings, largest_px: int, model: str) -> int:
    """Give the side of the picture to write.

    Raises:
        SettingError: the model's pictures are not that large.
    """
    size_px = picture.size_px or largest_px
    if size_px > largest_px:
        raise SettingError(
            f"size_px is {size_px}: {model} makes pictures of up to {largest_px} px; choose 16 to {largest_px}"
        )
    return size_px
