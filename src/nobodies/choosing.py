"""Choosing faces by wishes: seeds are screened in latent space, and nothing is drawn.

A chosen face is a seed like any other, so it can be had again without searching.
"""

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nobodies import latents
from nobodies.errors import SearchError, SettingError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.balance import Balance
from nobodies.latents.seed_index import NUM_SEEDS as INDEXED_SEEDS
from nobodies.latents.seed_index import SeedIndex, shipped_index
from nobodies.latents.seeds import NUM_SEEDS
from nobodies.latents.wishes import Wishes
from nobodies.models import Model
from nobodies.settings import FaceSettings, environment

if TYPE_CHECKING:
    from nobodies.generator import Generator

_log = logging.getLogger(__name__)

_REFERENCE_SEEDS: Final = 1 << 13
"""Seeds whose spread is measured to balance others, where there is no index."""
SEEDS_A_FACE: Final = 100_000
"""Seeds looked at for each face that is wanted, at most; some seconds of work."""
_FIRST_BLOCK: Final = 8
_INDEXED_BLOCK: Final = 4096
_LARGEST_BLOCK: Final = 128
_SCREENED_BLOCK: Final = 16


def attributes_file(name: str) -> Path:
    """Give the file that holds the attributes fitted by the user for a generator, there or not."""
    return environment().cache_dir / "attributes" / f"{name}.safetensors"


def attributes_of(model: Model) -> AttributeModel:
    """Give the attributes of a generator: those that the user fitted, or else those shipped.

    Raises:
        ModelError: there are none, or they were fitted for other weights.
        WeightsError: the user's file is damaged.
    """
    own = attributes_file(model.name)
    found = AttributeModel.read(own) if own.is_file() else AttributeModel.load(model.name)
    found.require_model(model.name, model.origin)
    return found


def index_file(name: str) -> Path:
    """Give the file that holds the index of seeds for the attributes fitted by the user, there or not."""
    return attributes_file(name).with_name(f"{name}.index.safetensors")


def index_of(name: str, attributes: AttributeModel) -> SeedIndex | None:
    """Give the index of seeds that belongs to attributes; None if there is none.

    Raises:
        WeightsError: the user's file is damaged.
    """
    own = index_file(name)
    index = SeedIndex.from_bytes(own.read_bytes()) if own.is_file() else shipped_index(name)
    return index if index is not None and index.attributes == attributes.digest else None


def build_index(generator: "Generator", attributes: AttributeModel) -> SeedIndex:
    """Look at the first seeds once and for all; takes some ten seconds."""
    z_dim = generator.engine.z_dim
    blocks = (range(first, first + _LARGEST_BLOCK) for first in range(0, INDEXED_SEEDS, _LARGEST_BLOCK))
    return SeedIndex.build(attributes, (generator.engine.map(latents.z_from_seeds(each, z_dim)) for each in blocks))


class Search:
    """Looks through seeds, one after the other, for faces as wished."""

    def __init__(
        self,
        generator: "Generator",
        wishes: Wishes,
        settings: FaceSettings,
        *,
        from_seed: int,
        seeds_a_face: int = SEEDS_A_FACE,
        screen: Callable[[NDArray[np.float32]], NDArray[np.bool_]] | None = None,
        balanced: bool = False,
    ) -> None:
        """Prepare a search.

        Args:
            generator: whose faces they are.
            wishes: what they shall be like.
            settings: how they will be drawn; truncation changes who a seed is.
            from_seed: the first seed to look at.
            seeds_a_face: seeds to look at, at most, for each face that is wanted.
            screen: tells of style codes [N, L, W] which may be drawn, such as `Gate.screen`; all if None.
            balanced: pass over seeds so that groups of age, appearance and skin as lit come up alike; see
                `latents.balance`.

        Raises:
            ModelError: no attributes are known for this generator.
            SettingError: its attributes do not include one that is wished for, or the budget is below 1.
        """
        if seeds_a_face < 1:
            raise SettingError(f"the search is to look at {seeds_a_face} seeds: it must be at least 1")
        self.generator, self.wishes, self.attributes = generator, wishes, generator.attributes
        self.from_seed, self.seeds_a_face = from_seed, seeds_a_face
        self.num_seen = self.num_found = 0
        self._screen, self._settings = screen, settings
        self._psi = _psi_by_attribute(settings, self.attributes, generator.engine.num_ws)
        self._index = generator.seed_index
        self._num_indexed = len(self._index) if self._index is not None else 0
        self._score_bounds = wishes.score_bounds(self.attributes)
        self._centre = self.attributes.scores(generator.w_avg[None])[0]
        self.balance = Balance.measure(self.attributes, self._reference_scores()) if balanced else None

    def find(self, count: int) -> Iterator[int]:
        """Give the next seeds whose faces fit, in order.

        Raises:
            SearchError: fewer than `count` were found among as many seeds as may be looked at.
        """
        wanted, limit = self.num_found + count, self.num_seen + count * self.seeds_a_face
        size = _FIRST_BLOCK
        while self.num_found < wanted:
            first = self.from_seed + self.num_seen
            size = self._block(first, size, limit)
            if size <= 0:
                raise SearchError(self._fruitless(wanted))
            passing = self._passing(self._fitting(range(first, first + size)))
            for seed in itertools.islice(passing, wanted - self.num_found):
                self.num_seen = seed - self.from_seed + 1
                self.num_found += 1
                yield seed
            if self.num_found < wanted:
                self.num_seen = first - self.from_seed + size
        _log.info("%s", self.rate())

    def among(self, seeds: range) -> Iterator[int]:
        """Give those of the seeds whose faces fit, in order; so a search can be shared by many workers."""
        first = seeds.start
        while first < seeds.stop:
            size = self._block(first, _LARGEST_BLOCK, self.num_seen + seeds.stop - first)
            yield from self._passing(self._fitting(range(first, first + size)))
            first += size

    def _block(self, first: int, last_size: int, limit: int) -> int:
        """Give how many seeds to look at next: many where the index knows them, else more and more."""
        size = _INDEXED_BLOCK if first < self._num_indexed else min(2 * last_size, _LARGEST_BLOCK)
        ends = [size, limit - self.num_seen, NUM_SEEDS - first]
        return min([*ends, self._num_indexed - first] if first < self._num_indexed else ends)

    def _fitting(self, seeds: range) -> list[int]:
        """Give those of the seeds whose faces fit, in order."""
        candidates: Sequence[int] = seeds
        if self._index is not None and seeds.start < self._num_indexed:
            possible = self._index.may_fit(seeds, *self._score_bounds, self._centre, self._psi)
            candidates = [seeds.start + offset for offset in np.flatnonzero(possible).tolist()]
        if not candidates:
            return []
        scores = self.scores(candidates)
        fitting = self.wishes.fitting(self.attributes, scores)
        if self.balance is not None:
            fitting &= self.balance.keeps(candidates, scores)
        return [candidates[offset] for offset in np.flatnonzero(fitting).tolist()]

    def _passing(self, seeds: Sequence[int]) -> Iterator[int]:
        """Give those of the seeds whose codes may be drawn, a few looked at together."""
        if self._screen is None:
            yield from seeds
            return
        for start in range(0, len(seeds), _SCREENED_BLOCK):
            block = seeds[start : start + _SCREENED_BLOCK]
            codes = self.generator.styles_of_seeds(block, self._settings)
            yield from itertools.compress(block, self._screen(codes))

    def _reference_scores(self) -> NDArray[np.float64]:
        """Give the scores of many faces that are as wished, [N, K]."""
        if self._index is not None:
            scores = self._index.scores(self._centre, self._psi)
        else:
            blocks = range(0, _REFERENCE_SEEDS, _LARGEST_BLOCK)
            scores = np.concatenate([self.scores(range(first, first + _LARGEST_BLOCK)) for first in blocks])
        low, high = self._score_bounds
        return scores[np.all((scores >= low) & (scores <= high), axis=1)]

    def scores(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Read the attributes of seeds, truncated as they will be drawn: [N, K]."""
        w = self.generator.engine.map(latents.z_from_seeds(seeds, self.generator.engine.z_dim))
        scores: NDArray[np.float64] = self._centre + self._psi * (self.attributes.scores(w) - self._centre)
        return scores

    def rate(self) -> str:
        """Say how many were found among how many."""
        one_in = f", one in {self.num_seen / self.num_found:.0f}" if self.num_found else ""
        return f"{self.num_found} found among {self.num_seen} seeds{one_in}"

    def _fruitless(self, wanted: int) -> str:
        rarest, share = self._rarest()
        return (
            f"{self.num_found} of {wanted} faces found among {self.num_seen} seeds for '{self.wishes}': loosen the "
            f"wishes (the rarest is {rarest}, {share:.1%} of faces), raise psi, or look at more seeds"
        )

    def _rarest(self) -> tuple[str, float]:
        """Give the wish that the fewest faces fulfil, and their share."""
        scores = self.scores(range(self.from_seed, min(self.from_seed + 256, NUM_SEEDS)))
        alone = {str(each): each for each in self.wishes.one_by_one()}
        shares = {text: float(wish.fitting(self.attributes, scores).mean()) for text, wish in alone.items()}
        rarest = min(shares, key=lambda text: shares[text], default="that of adults")
        return rarest, shares.get(rarest, 0.0)


def checked(generator: "Generator", wishes: Wishes, seeds: Iterator[int], settings: FaceSettings) -> Iterator[int]:
    """Draw and measure faces, and let those pass that turn out as wished.

    Args:
        generator: whose faces they are.
        wishes: what they shall be like.
        seeds: of a search for the same wishes.
        settings: how they are drawn.
    """
    from nobodies.survey import measure

    codes = ((seed, generator.styles_of_seed(seed, settings)) for seed in seeds)
    for face in generator.draw(codes, settings):
        values = measure(face.pixels)
        if values is not None and wishes.fits(values) and face.seed is not None:
            yield face.seed
        else:
            _log.info("seed %s turned out otherwise: %s", face.seed, values or "no face found")


def _psi_by_attribute(settings: FaceSettings, attributes: AttributeModel, num_ws: int) -> NDArray[np.float64]:
    """Give the truncation of each attribute, [K]: the mean over the layers, each counted for what it does."""
    cut = num_ws if settings.cutoff is None else min(settings.cutoff, num_ws)
    if cut == num_ws:
        return np.full(len(attributes.names), settings.psi)
    psi = np.where(np.arange(num_ws) < cut, settings.psi, 1.0)
    by_attribute: NDArray[np.float64] = attributes.layer_shares(num_ws) @ psi
    return by_attribute
