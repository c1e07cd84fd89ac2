"""Options that say what faces shall be like, and the search for seeds that fulfil them."""

import itertools
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from nobodies import latents
from nobodies.choosing import SEEDS_A_FACE, Search, checked
from nobodies.cli.options import Command
from nobodies.errors import ModelError
from nobodies.generator import Generator
from nobodies.latents.vocabulary import ATTRIBUTES, Attribute
from nobodies.latents.wishes import Wishes, parse_wishes
from nobodies.settings import FaceSettings

if TYPE_CHECKING:
    from nobodies.gate import Gate

SEED_BITS: Final = 53
"""Random seeds have so many bits: any program, JavaScript included, reads them back exactly."""
_OPPOSITES: Final = {"woman": "man"}


def wish_options(command: Command) -> Command:
    """Add --where, an option for every attribute, --balanced, --checked, --tries and --allow-minors."""
    for attribute in reversed(tuple(ATTRIBUTES.values())):
        command = _option(attribute)(command)
    for option in (
        click.option("--allow-minors", is_flag=True, help="Do not leave out faces that look younger than 20."),
        click.option("--tries", type=click.IntRange(1, 10_000_000), default=SEEDS_A_FACE, show_default=True,
                     help="Seeds to look at for each face that is wished for, at most."),
        click.option("--balanced", is_flag=True,
                     help="Even out age, women and men, and skin as lit, by passing over seeds of what is common."),
        click.option("--checked", is_flag=True,
                     help="Draw and measure the chosen; replace those that turn out otherwise."),
        click.option("--where", metavar="WISHES",
                     help="What the faces shall be like: 'age 35..45, woman, smiling, eyeglasses, facing front'."),
    ):  # fmt: skip
        command = option(command)
    return command


def wishes_from(options: Mapping[str, Any]) -> Wishes:
    """Read the wishes of a command: those of --where and those of the single options together."""
    texts = [options["where"]] if options["where"] else []
    for name, attribute in ATTRIBUTES.items():
        given = options[_key(name)]
        if given is not None:
            texts.append(f"{name} {given if attribute.kind == 'number' else ('yes' if given else 'no')}")
    return parse_wishes(", ".join(texts), adults_only=not options["allow_minors"])


Choose = Callable[[int], list[int]]
"""Gives so many seeds, each time others."""


def seeds_for(
    generator: Generator, wishes: Wishes, settings: FaceSettings, options: Mapping[str, Any], gate: "Gate | None"
) -> Choose:
    """Make ready to find seeds, from --from-seed on; from anywhere if neither it nor --count is given.

    Faces that look like minors and those that the gate screens out are passed over; for a model without attributes,
    no seed is.

    Raises:
        ModelError: there are wishes, and no attributes of the model.
    """
    anywhere = options["count"] is None and options["from_seed"] is None
    first = secrets.randbits(SEED_BITS) if anywhere else latents.parse_seed(options["from_seed"] or 1)
    screen = gate.screen if gate else None
    try:
        search = Search(
            generator,
            wishes,
            settings,
            from_seed=first,
            seeds_a_face=options["tries"],
            screen=screen,
            balanced=options["balanced"],
        )
    except ModelError:
        if wishes or options["balanced"]:
            raise
        following = itertools.count(first)
        return lambda count: list(itertools.islice(following, count))
    return lambda count: list(_found(search, count, settings, check=options["checked"]))


def _found(search: Search, count: int, settings: FaceSettings, *, check: bool) -> Iterator[int]:
    if check:
        yield from _checked(search, count, settings)
    else:
        yield from search.find(count)
    if search.wishes or search.balance is not None:
        said = f"'{search.wishes}'" if search.wishes else "balanced"
        click.echo(f"{said}: {search.rate()}", err=True)


def _checked(search: Search, count: int, settings: FaceSettings) -> Iterator[int]:
    from tqdm import tqdm

    missing = count
    with tqdm(total=count, unit="face", desc="checking", file=sys.stderr, disable=None) as bar:
        while missing:
            for seed in checked(search.generator, search.wishes, search.find(missing), settings):
                missing -= 1
                bar.update()
                yield seed


def _option(attribute: Attribute) -> Any:
    flag = attribute.name.replace("_", "-")
    text = f"{attribute.text[0].upper()}{attribute.text[1:]}."
    if attribute.kind == "number":
        text = f"{text[:-1]}, in {attribute.unit}."
        return click.option(f"--{flag}", _key(attribute.name), metavar="RANGE", help=text)
    opposite = _OPPOSITES.get(attribute.name, f"no-{flag}")
    return click.option(f"--{flag}/--{opposite}", _key(attribute.name), default=None, help=text)


def _key(name: str) -> str:
    return f"wish_{name}"
