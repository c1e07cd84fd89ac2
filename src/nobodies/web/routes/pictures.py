"""Pictures: new ones, and those with an address of their own."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from nobodies.errors import SettingError
from nobodies.imaging import CODECS
from nobodies.latents import parse_seed
from nobodies.web.asked import Asked, Ending, NewQuery, PictureQuery, Portrait, parse_number
from nobodies.web.known import Known, has_already
from nobodies.web.routes.shared import ReadySite, limit_rate, problems, unless_gone
from nobodies.web.site import ANY_SEED

router = APIRouter(tags=["pictures"], dependencies=[Depends(limit_rate)])

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NEVER: Final = "no-store"
_PICTURES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture, marked as generated (IPTC DigitalSourceType, in XMP).",
        "content": {
            codec.media_type: {"schema": {"type": "string", "format": "binary"}} for codec in CODECS.values()
        },
    }
}
_NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "You have it already."}}

EndingPath = Annotated[Ending, Path(description="file format")]


@router.get(
    "/face.{ending}",
    response_class=Response,
    responses=_PICTURES | _NOT_MODIFIED | problems(422, 429, 503),
    summary="A new face, or the face of a text",
)
async def new_picture(
    request: Request, site: ReadySite, ending: EndingPath, query: Annotated[NewQuery, Query()]
) -> Response:
    """Give a face that nobody has had before; `Content-Location` is its permanent address.

    With `u`, give the face of that text, the same for ever: a stable avatar.

    A server that keeps a ledger gives no face that its identity net takes for one given before, and says in
    `Nobodies-Exclusive` whether the face is recorded as given: `?0` while its ledger does not answer. With
    `exclusive`, the answer is then 503.
    """
    if query.u is not None and query.exclusive:
        raise SettingError("the face of a text is for everybody: leave out u or exclusive")
    if query.u is not None:
        return await _permanent(request, site, query.asked(parse_seed(query.u), ending), query.download)
    asked = query.asked(ANY_SEED, ending)
    site.pictures.check(asked)
    is_plain = asked == Asked(Portrait(ANY_SEED))
    give = site.new_face(exclusive=query.exclusive) if is_plain else site.drawn_face(asked, exclusive=query.exclusive)
    face = await (give if is_plain else unless_gone(request, give))
    headers = {"Cache-Control": _NEVER, "Content-Location": face.asked.address}
    if face.exclusive is not None:
        headers["Nobodies-Exclusive"] = f"?{face.exclusive:d}"
    return _answer(face.asked, face.picture, headers, query.download)


@router.get(
    "/face/{seed}.{ending}",
    response_class=Response,
    responses=_PICTURES | _NOT_MODIFIED | problems(422, 429, 503),
    summary="The face of a seed, for ever",
)
async def picture(
    request: Request,
    site: ReadySite,
    seed: Annotated[str, Path(pattern=r"^[0-9]{1,20}$", description="0 to 2**64 - 1", examples=["42"])],
    ending: EndingPath,
    query: Annotated[PictureQuery, Query()],
) -> Response:
    """Give the face of a seed. The same address is the same picture, and may be kept for ever."""
    return await _permanent(request, site, query.asked(parse_number(seed), ending), query.download)


async def _permanent(request: Request, site: ReadySite, asked: Asked, download: bool) -> Response:
    site.pictures.check(asked)
    etag = site.pictures.etag(asked)
    headers = {"ETag": etag, "Cache-Control": _FOR_EVER}
    if has_already(request.scope["headers"], etag):
        return Response(status_code=304, headers=headers)
    found = site.pictures.memory.get(asked.address)
    if found is None:
        found = await unless_gone(request, site.picture(asked))
    answer = _answer(asked, found, headers, download)
    own = tuple((name, value) for name, value in answer.raw_headers if name != b"content-length")
    site.known.note(request.scope, Known(asked.address, etag, own, request.scope["route"]))
    return answer


def _answer(asked: Asked, picture: bytes, headers: dict[str, str], download: bool) -> Response:
    if download:
        headers = headers | {"Content-Disposition": f'attachment; filename="{asked.file_name}"'}
    return Response(picture, headers=headers, media_type=CODECS[asked.picture.format].media_type)
