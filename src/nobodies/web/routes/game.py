"""The guessing game: made or real? Only where the operator supplies photographs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from nobodies.settings import PictureSettings
from nobodies.web.asked import Asked, Portrait
from nobodies.web.game import SIZE_PX, Game
from nobodies.web.problems import ProblemError
from nobodies.web.routes.shared import AnySite, ReadySite, limit_rate, problems

router = APIRouter(prefix="/game", tags=["game"], dependencies=[Depends(limit_rate)])

Round = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="name of a round", examples=["0123456789abcdef"])]


class RoundBody(BaseModel):
    """A round of the game."""

    name: str
    picture: str = Field(description="what to look at")


class AnswerBody(BaseModel):
    """What the picture was."""

    real: bool
    page: str | None = Field(default=None, description="the page of the face, if it was made")


async def _game(site: AnySite) -> Game:
    if site.game is None:
        raise ProblemError(404, "not-found", "this server has no photographs for a game")
    return site.game


TheGame = Annotated[Game, Depends(_game)]


@router.get("/round", responses=problems(404, 429))
async def new_round(game: TheGame) -> RoundBody:
    """Begin a round."""
    name = game.new_round()
    return RoundBody(name=name, picture=f"/game/{name}.jpeg")


@router.get("/{name}.jpeg", response_class=Response, responses=problems(404, 422, 429, 503))
async def picture(site: ReadySite, game: TheGame, name: Round) -> Response:
    """Show the picture of a round: real or made."""
    if game.is_real(name):
        shown = await site.workshop.run(lambda: game.photo(name))
    else:
        # It keeps its mark: who wins by reading files has beaten nobody.
        shown = await site.picture(Asked(Portrait(game.seed(name)), PictureSettings(size_px=_size(site))))
    return Response(shown, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.get("/{name}/answer", responses=problems(404, 422, 429))
async def answer(game: TheGame, name: Round) -> AnswerBody:
    """Say what it was."""
    real = game.is_real(name)
    return AnswerBody(real=real, page=None if real else f"/face/{game.seed(name)}")


def _size(site: ReadySite) -> int:
    return min(SIZE_PX, site.generator.engine.resolution)
