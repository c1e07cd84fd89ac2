"""`/api/v1`: faces as JSON, archives, detection, and the check of a picture."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from secrets import randbelow
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from nobodies.errors import BusyError, SearchError, SettingError
from nobodies.latents.seeds import NUM_SEEDS
from nobodies.settings import PictureFormat
from nobodies.web.archive import zip_stream
from nobodies.web.asked import Asked, PictureOptions, Portrait, parse_number
from nobodies.web.routes.shared import ReadySite, limit_rate, problems, require_key
from nobodies.web.site import NewFace, Site
from nobodies.web.workshop import Slots

router = APIRouter(prefix="/api/v1", tags=["faces"], dependencies=[Depends(require_key), Depends(limit_rate)])

_MOST_TRIES: Final = 60
_ARCHIVE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A ZIP archive: the pictures, each sent as soon as it is drawn, and manifest.jsonl.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
# Among the first seeds, searches are quick where there is an index of them.
_FIRST_SEEDS: Final = 1 << 15
_SEED = r"^[0-9]{1,20}$"


class FacesQuery(BaseModel):
    """Which faces to list."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(1, ge=1, le=100, description="how many")
    from_seed: str | None = Field(
        default=None, pattern=_SEED, description="list seeds from this one on; new faces if not given", examples=["1"]
    )
    where: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        description="wishes such as `age 35..45, woman, smiling`; for servers that have an attribute model",
    )
    exclusive: bool = Field(
        False, description="only new faces that are recorded as given; for servers that keep a ledger"
    )
    balanced: bool = Field(
        False,
        description="let groups of age, of looking like a woman or a man, and of skin as lit come up alike; for "
        "servers that have an attribute model",
    )


class FaceBody(BaseModel):
    """A face."""

    seed: str = Field(description="a number of 64 bits, as text since JavaScript cannot hold it", examples=["42"])
    picture: str = Field(
        description="its permanent address, as jpeg; other endings work too", examples=["/face/42.jpeg"]
    )
    page: str = Field(description="where it can be changed", examples=["/face/42"])
    exclusive: bool | None = Field(
        default=None, description="whether it is recorded as given, for new faces of servers that keep a ledger"
    )
    attributes: dict[str, float] | None = Field(
        default=None, description="what it is predicted to look like, where this server has an attribute model"
    )


class FacesBody(BaseModel):
    """Some faces, and where the next are."""

    faces: list[FaceBody]
    next: str | None = Field(default=None, description="address of the next ones, for lists that go on")
    taken_s: float = Field(description="how long it took to find them, in seconds")


@router.get("/faces", response_model_exclude_none=True, responses=problems(401, 422, 429, 503))
async def list_faces(site: ReadySite, query: Annotated[FacesQuery, Query()]) -> FacesBody:
    """List new faces, faces of consecutive seeds, or faces that fit wishes.

    Nothing is drawn yet, but for new faces on a server that keeps a ledger of those given.
    """
    begun = time.perf_counter()
    listed, following = await _chosen(site, query)
    # Not in the workshop: reading attributes takes no time, and must not wait for pictures.
    faces = await asyncio.to_thread(lambda: [_described(site, *each) for each in listed])
    return FacesBody(faces=faces, next=following, taken_s=round(time.perf_counter() - begun, 4))


Listed = list[tuple[int, bool | None]]


async def _chosen(site: Site, query: FacesQuery) -> tuple[Listed, str | None]:
    """The seeds, whether they are exclusive, and the address of the next ones."""
    first = parse_number(query.from_seed) if query.from_seed is not None else None
    chosen = query.where is not None or query.balanced
    if query.exclusive and (first is not None or chosen):
        raise SettingError("faces chosen by seed or wish are for everybody: leave out exclusive")
    if chosen:
        return await _wished(site, query, randbelow(_FIRST_SEEDS) if first is None else first)
    if first is None:
        return await site.new_seeds(query.count, exclusive=query.exclusive), None
    seeds = list(range(first, min(first + query.count, NUM_SEEDS)))
    return [(seed, None) for seed in seeds], _next(query, seeds[-1] + 1)


async def _wished(site: Site, query: FacesQuery, first: int) -> tuple[Listed, str | None]:
    attributes = site.features.attributes
    if attributes is None:
        raise SettingError("this server has no attribute model: leave out where and balanced")
    ends = time.monotonic() + site.settings.wait_s / 2

    def search() -> list[int]:
        found: list[int] = []
        try:
            chosen = attributes.choose(query.where or "", first, balanced=query.balanced)
            for seed in itertools.islice(chosen, query.count):
                found.append(seed)
                if time.monotonic() > ends:
                    break
        except SearchError as error:
            if not found:
                raise SettingError(str(error)) from error
        return found

    seeds = await site.workshop.run(search)
    return [(seed, None) for seed in seeds], _next(query, seeds[-1] + 1) if seeds else None


def _next(query: FacesQuery, first: int) -> str | None:
    following: dict[str, Any] = {"count": query.count, "from_seed": first}
    following |= {"where": query.where} if query.where else {}
    following |= {"balanced": "true"} if query.balanced else {}
    return f"/api/v1/faces?{urlencode(following)}" if first < NUM_SEEDS else None


def _described(site: Site, seed: int, exclusive: bool | None) -> FaceBody:
    attributes = site.features.attributes
    return FaceBody(
        seed=str(seed),
        picture=Asked(Portrait(seed)).address,
        page=f"/face/{seed}",
        exclusive=exclusive,
        attributes=dict(attributes.predict(seed)) if attributes else None,
    )


class BatchOrder(PictureOptions):
    """An archive of pictures: of seeds, or of so many new faces."""

    format: PictureFormat = Field("jpeg", description="file format")
    seeds: list[Annotated[str, Field(pattern=_SEED)]] | None = Field(
        default=None, min_length=1, max_length=100_000, description="whose faces", examples=[["1", "2", "3"]]
    )
    count: int | None = Field(default=None, ge=1, le=100_000, description="so many new faces, in the place of seeds")
    exclusive: bool = Field(
        False, description="new faces that are recorded as given, or none; for servers that keep a ledger"
    )

    def pictures(self, site: Site) -> list[Asked]:
        """Say which pictures are meant; of new faces, those to begin with.

        Raises:
            SettingError: too many, not exactly one of `seeds` and `count`, or exclusive ones that cannot be.
        """
        if (self.seeds is None) == (self.count is None):
            raise SettingError("give either seeds or count")
        if self.seeds and self.exclusive:
            raise SettingError("faces of seeds are for everybody: give count, or leave out exclusive")
        site.require_ledger(exclusive=self.exclusive)
        num = self.count or len(self.seeds or ())
        if num > site.settings.batch_limit:
            raise SettingError(f"an archive holds up to {site.settings.batch_limit} pictures, {num} were asked for")
        given = [parse_number(seed) for seed in dict.fromkeys(self.seeds or ())]
        numbers = given or [site.new_seed() for _ in range(num)]
        asked = [self.asked(number, self.format) for number in numbers]
        site.pictures.check(asked[0])
        return asked


@router.post(
    "/batch",
    response_class=StreamingResponse,
    responses=_ARCHIVE | problems(400, 401, 408, 413, 422, 429, 503),
)
async def make_archive(site: ReadySite, order: BatchOrder) -> StreamingResponse:
    """Make an archive of several pictures. It streams: nothing waits for the last one."""
    pictures = order.pictures(site)
    if order.exclusive and site.exclusives:
        await site.exclusives.require()
    return ArchiveResponse(site.archives, zip_stream(_files(site, order, pictures)))


class ArchiveResponse(StreamingResponse):
    """An archive that holds one of the places for archives as long as it is sent."""

    def __init__(self, places: Slots, content: AsyncIterator[bytes]) -> None:
        """Take the places and the parts of the archive."""
        super().__init__(
            content,
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="nobodies.zip"', "Cache-Control": "no-store"},
        )
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        with self._places:
            await super().__call__(scope, receive, send)


async def _files(
    site: Site, order: BatchOrder, pictures: list[Asked]
) -> AsyncIterator[tuple[str, bytes, dict[str, Any]]]:
    for asked in pictures:
        face = await _patiently(partial(_made, site, order, asked))
        told = {"seed": str(face.seed), "address": face.asked.address}
        yield face.asked.file_name, face.picture, told | ({"exclusive": True} if face.exclusive else {})


async def _made(site: Site, order: BatchOrder, asked: Asked) -> NewFace:
    if order.count:
        return await site.drawn_face(asked, exclusive=order.exclusive)
    return NewFace(asked.portrait.seed, await site.picture(asked), asked)


async def _patiently(make: Callable[[], Awaitable[NewFace]]) -> NewFace:
    """Give a picture; an archive that has begun cannot be refused any more, so it waits."""
    for _ in range(_MOST_TRIES):
        try:
            return await make()
        except BusyError as error:
            await asyncio.sleep(error.retry_after_s)
    return await make()
