"""Making the faces of a set: drawn, perhaps edited, encoded, measured. What runs in every worker."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies._version import __version__
from nobodies.bulk.recipe import Recipe, digest_of
from nobodies.bulk.shards import Columns, Sample
from nobodies.choosing import Search
from nobodies.errors import ModelError, WorkerError
from nobodies.generator import Face, Generator, checked_size
from nobodies.imaging.ahead import work_beside
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.edits import parse_changes
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.provenance import mark_recipe
from nobodies.settings import EngineSettings

if TYPE_CHECKING:
    from nobodies.gate import Gate

LetsOut = Callable[[Face], bool]
Screen = Callable[[NDArray[np.float32]], NDArray[np.bool_]]

_DIGITS: Final = 4


class Maker:
    """A model made ready, and the recipe that it works by."""

    def __init__(
        self,
        recipe: Recipe,
        generator: Generator,
        *,
        jobs: int = 1,
        lets_out: LetsOut | None = None,
        screen: Screen | None = None,
    ) -> None:
        """Join a recipe and a generator.

        Args:
            recipe: how every face is made.
            generator: of the recipe's model.
            jobs: threads that encode.
            lets_out: asked for each face; one that it refuses is left out. Its answer must depend on the face alone.
            screen: tells of style codes which may be drawn, where seeds are searched; as for `choosing.Search`.

        Raises:
            ModelError: the generator, or what reads its attributes, is not the recipe's.
            SettingError: the model makes no pictures of that size.
            WorkerError: the recipe comes from another version of nobodies.
        """
        if recipe.version != __version__:
            raise WorkerError(
                f"a worker has nobodies {__version__}, and {recipe.version} is wanted: install the same everywhere"
            )
        if generator.model.fingerprint != recipe.weights:
            raise ModelError(
                f"a worker has other weights of {recipe.model} ({generator.model.fingerprint[:12]}, wanted "
                f"{recipe.weights[:12]}): remove them there with 'nobodies models remove {recipe.model}'"
            )
        checked_size(recipe.picture, generator.engine.resolution, recipe.model)
        self.recipe, self.generator = recipe, generator
        self._attributes = self._known_attributes()
        self._jobs, self._lets_out, self._screen = jobs, lets_out, screen
        self._changes = parse_changes(recipe.changes) if recipe.changes else None
        self._settings = self._common_settings()
        self._made_from = {"changes": list(recipe.changes)} if recipe.changes else {}
        self._marks = mark_recipe(recipe.marks) | {"xmp": recipe.marks.xmp}

    @classmethod
    def load(cls, recipe: Recipe, threads: int) -> "Maker":
        """Make the model ready on so many cores: each draws a face of its own.

        Raises:
            ModelError: it cannot be had here.
            SettingError: this machine lacks the recipe's precision.
        """
        from threadpoolctl import threadpool_limits

        from nobodies.vision.nets import limit_threads

        threadpool_limits(1, "blas")
        limit_threads(threads)
        engine = EngineSettings(precision=recipe.precision, layout="throughput", threads=threads, streams=threads)
        generator = Generator.load(recipe.model, engine=engine)
        gate = _gate_of(recipe, generator)
        if gate is None:
            return cls(recipe, generator, jobs=threads)
        return cls(recipe, generator, jobs=threads, lets_out=gate.accepts, screen=gate.screen)

    @cached_property
    def columns(self) -> Columns:
        """What all samples have in common."""
        # Truncation of some layers and edits move some layers and not others.
        layered = self.recipe.face.cutoff is not None or self._changes is not None
        measured = tuple(ATTRIBUTES) if self.recipe.shards.analyse else ()
        names = self._attributes.names if self._attributes else ()
        return Columns(self.recipe.picture.format, layered, names, measured)

    def _known_attributes(self) -> AttributeModel | None:
        if self.recipe.attributes is None:
            return None
        if digest_of(self.generator.attributes) != self.recipe.attributes:
            raise ModelError(
                f"a worker reads other attributes of {self.recipe.model}: give every machine the same file of "
                "'nobodies attributes fit', or none"
            )
        return self.generator.attributes

    def search(self, seeds: range) -> list[int]:
        """Give those of the seeds whose faces are as wished."""
        return list(self._search.among(seeds))

    @cached_property
    def _search(self) -> Search:
        recipe = self.recipe
        assert recipe.wishes is not None, "there are wishes to search by"
        return Search(
            self.generator, recipe.wishes, recipe.face, from_seed=0, screen=self._screen, balanced=recipe.balanced
        )

    def samples(self, seeds: Sequence[int]) -> Iterator[Sample]:
        """Make the faces of seeds, in order, but for those that are left out."""
        # What is drawn from changed codes is no longer the face that its seed names.
        codes = ((None if self._changes else seed, self._codes(seed)) for seed in seeds)
        drawn = zip(seeds, self.generator.draw(codes, self.recipe.face), strict=True)
        made = work_beside(self._sample, drawn, jobs=self._jobs)
        return (sample for sample in made if sample is not None)

    def _codes(self, seed: int) -> NDArray[np.float32]:
        ws = self.generator.styles_of_seed(seed, self.recipe.face)
        return self.generator.edit(ws, self._changes).ws if self._changes else ws

    def _sample(self, drawn: tuple[int, Face]) -> Sample | None:
        (seed, face), recipe = drawn, self.recipe
        measured = self._measure(face)
        if not self._passes(face, measured):
            return None
        picture = recipe.picture
        data = face.encode(
            format=picture.format,
            size_px=picture.size_px,
            quality=picture.quality,
            marks=recipe.marks,
            made_from=self._made_from and self._made_from | {"edited": str(seed)},
        )
        return Sample(
            seed=seed,
            picture=data,
            w=face.w if self.columns.layered else face.w[0],
            settings=self._settings,
            attributes=self._predicted(face),
            measured=_rounded(measured) if recipe.shards.analyse and measured else None,
            marks=self._marks,
        )

    def _measure(self, face: Face) -> dict[str, float] | None:
        if not (self.recipe.shards.analyse or self.recipe.checked):
            return None
        from nobodies.survey import measure

        return measure(face.pixels)

    def _passes(self, face: Face, measured: dict[str, float] | None) -> bool:
        if self._lets_out is not None and not self._lets_out(face):
            return False
        if not self.recipe.checked:
            return True
        assert self.recipe.wishes is not None, "faces are checked against wishes"
        return measured is not None and self.recipe.wishes.fits(measured)

    def _predicted(self, face: Face) -> dict[str, float | None] | None:
        if self._attributes is None:
            return None
        read = self._attributes.predict(face.w[None])
        return _rounded({name: float(values[0]) for name, values in read.items()})

    def _common_settings(self) -> dict[str, Any]:
        recipe = self.recipe
        about = {"model": recipe.model, "weights": recipe.weights, "precision": recipe.precision}
        return about | asdict(recipe.face) | asdict(recipe.picture) | {"changes": list(recipe.changes)}


def _rounded(values: dict[str, float]) -> dict[str, float | None]:
    """Round values to what they are worth; one that cannot be told is None, since JSON has no NaN."""
    return {name: None if math.isnan(value) else round(value, _DIGITS) for name, value in values.items()}


def _gate_of(recipe: Recipe, generator: Generator) -> "Gate | None":
    if not recipe.gate:
        return None
    from nobodies.gate import gate_of

    return gate_of(generator, adults_only=recipe.wishes is None or recipe.wishes.adults_only)


@cache
def maker_of(recipe: Recipe, threads: int) -> Maker:
    """Give this process's maker; the model is loaded once."""
    return Maker.load(recipe, threads)
