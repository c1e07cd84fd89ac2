"""`nobodies generate`: portraits into a folder."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobodies import latents
from nobodies.batch import FolderJob, Order, orders_from_codes, orders_from_seeds, write_sheet
from nobodies.cli.making import Making
from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import settings_from, settings_options
from nobodies.cli.wishing import seeds_for, wish_options, wishes_from
from nobodies.errors import SettingError
from nobodies.generator import Generator
from nobodies.latents.files import load_codes
from nobodies.latents.wishes import Wishes
from nobodies.settings import (
    DEFAULT_MODEL,
    EngineSettings,
    FaceSettings,
    GateSettings,
    MarkSettings,
    PictureSettings,
    UniqueSettings,
)

if TYPE_CHECKING:
    from nobodies.gate import Gate
    from nobodies.models import Watcher
    from nobodies.uniqueness.guard import Guard


@click.command(name="generate")
@click.option("--seeds", metavar="LIST", help="Seeds and ranges of seeds, for example 1-12,99.")
@click.option("--seed", "texts", metavar="TEXT", multiple=True, help="A number or any text; may be repeated.")
@click.option("--count", type=int, metavar="N", help="So many faces, chosen from --from-seed on.")
@click.option("--from-seed", metavar="S", help="First seed for --count.  [default: 1]")
@click.option("--z", "z_file", type=click.Path(path_type=Path), help="Latent codes, .npy or .npz, [N, Z].")
@click.option(
    "--w", "w_file", type=click.Path(path_type=Path), help="Style codes, .npy or .npz, [N, W] or [N, L, W]."
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("faces"), show_default=True, help="Folder.")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")
@settings_options(FaceSettings)
@settings_options(PictureSettings)
@settings_options(MarkSettings)
@settings_options(EngineSettings, without=("layout",))
@wish_options
@settings_options(GateSettings)
@click.option("--jobs", default="auto", show_default=True, metavar="N", help="Threads that encode pictures.")
@click.option("--unique", is_flag=True, help="Leave out faces that resemble one given out before, or a blocked one.")
@click.option("--ledger", metavar="PLACE", help="Ledger for --unique, see 'nobodies block'.")
@settings_options(UniqueSettings)
@click.option("--sheet", is_flag=True, help="Write a contact sheet too, sheet.jpg.")
@click.option(
    "--manifest", is_flag=True, help="Keep manifest.jsonl: file, seed, checksum and recipe of each picture."
)
@click.option("--overwrite", is_flag=True, help="Make again what is there already.")
def command(
    out: Path, model: str, jobs: str, unique: bool, sheet: bool, manifest: bool, overwrite: bool, **options: Any
) -> None:
    """Make portraits of people who do not exist.

    Without seeds or codes, one new face. Run the same command again to go on where it stopped: finished files are
    kept. The same seed, model and settings give the same picture. Seeds that are not named are chosen: with wishes,
    they are searched for faces that fulfil them before anything is drawn; faces that look like minors are passed
    over unless they are allowed, and faulty ones unless the gate is off.
    """
    face, picture = settings_from(FaceSettings, options), settings_from(PictureSettings, options)
    marks = settings_from(MarkSettings, options)
    num_jobs = _parse_jobs(jobs)
    wishes = wishes_from(options)
    seeds = _named_seeds(options, wishes)
    chosen = seeds == []
    many = seeds is None or max(len(seeds), options["count"] or 0) > 2
    engine = settings_from(EngineSettings, options, layout="throughput" if many else "latency")
    with TerminalWatcher() as watcher:
        generator = Generator.load(model, engine=engine, watcher=watcher)
        gate = _gate(generator, watcher, wishes, options) if chosen else None
    orders = [] if chosen else list(_named_orders(seeds, generator, face, options))
    job = FolderJob(generator, out, face=face, picture=picture, marks=marks, manifest=manifest, overwrite=overwrite)
    with _guard(options, out) if unique else contextlib.nullcontext() as guard:
        wanted = _count(options) if chosen else len(orders)
        making = Making(job, wanted, jobs=num_jobs, gate=gate, guard=guard)
        if chosen:
            making.chosen(seeds_for(generator, wishes, face, options, gate))
        else:
            making.all_of(orders)
    _tell(making, gate, guard, out)
    if sheet:
        _write_sheet([path for path in map(job.path, making.orders) if path.exists()], out / "sheet.jpg", marks)


def _tell(making: Making, gate: "Gate | None", guard: "Guard | None", out: Path) -> None:
    if gate and gate.num_refused:
        seen = ", ".join(f"{name} {num}" for name, num in gate.refused.most_common())
        click.echo(f"{_num_faces(gate.num_refused)} drawn and turned away: {seen}", err=True)
    if guard and guard.refused:
        click.echo(f"{len(guard.refused)} faces left out{_reasons(guard)}", err=True)
    there = f", {making.num_kept} already there" if making.num_kept else ""
    click.echo(f"{_num_faces(making.num_made)} made in {out}{there}")


def _write_sheet(paths: Sequence[Path], sheet: Path, marks: MarkSettings) -> None:
    shown = write_sheet(paths, sheet, marks=marks)
    rest = f", the first {shown} of {_num_faces(len(paths))}" if shown < len(paths) else ""
    click.echo(f"contact sheet in {sheet}{rest}")


def _gate(generator: Generator, watcher: "Watcher", wishes: Wishes, options: dict[str, Any]) -> "Gate | None":
    if not settings_from(GateSettings, options).gate:
        return None
    from nobodies.gate import gate_of

    return gate_of(generator, adults_only=wishes.adults_only, watcher=watcher)


@contextlib.contextmanager
def _guard(options: dict[str, Any], out: Path) -> Iterator["Guard"]:
    from nobodies.uniqueness.guard import Guard, holder_of
    from nobodies.uniqueness.ledger import open_ledger

    with open_ledger(settings_from(UniqueSettings, options), options["ledger"]) as ledger:
        yield Guard(ledger, holder=holder_of(out, options["ledger"]))


def _reasons(guard: "Guard") -> str:
    kinds = [match.record.kind if match else "faceless" for _, match in guard.refused]
    words = {
        "given": "resemble faces given out before",
        "blocked": "resemble blocked people",
        "faceless": "show no face that can be found",
    }
    return "".join(f"; {kinds.count(kind)} {said}" for kind, said in words.items() if kind in kinds)


def _named_seeds(options: dict[str, Any], wishes: Wishes) -> Sequence[int] | None:
    """Give the seeds that were asked for; none of them if they are to be searched; None if codes were asked for."""
    ways = ("seeds", "texts", "count", "z_file", "w_file")
    given = [way for way in ways if options[way] not in (None, ())]
    if len(given) > 1:
        raise SettingError("give one of --seeds, --seed, --count, --z and --w, not several")
    searched = bool(wishes) or options["balanced"]
    if options["from_seed"] is not None and options["count"] is None and not searched:
        raise SettingError("--from-seed goes with --count: add --count N, or use --seeds")
    if options["checked"] and not wishes:
        raise SettingError("--checked goes with wishes: add --where")
    if searched and given not in ([], ["count"]):
        raise SettingError(
            "wishes choose the seeds, and so does --balanced: give --count and --from-seed with them, not seeds or "
            "codes"
        )
    match given:
        case _ if searched:
            _count(options)
            return []
        case ["seeds"]:
            return latents.parse_seed_ranges(options["seeds"])
        case ["texts"]:
            return list(dict.fromkeys(latents.parse_seed(text) for text in options["texts"]))
        case ["count"]:
            _check_count(_count(options), latents.parse_seed(options["from_seed"] or 1))
            return []
        case []:
            return []
        case _:
            return None


def _count(options: dict[str, Any]) -> int:
    count = 1 if options["count"] is None else int(options["count"])
    if count < 1:
        raise SettingError(f"--count is {count}: it must be at least 1")
    return count


def _check_count(count: int, first: int) -> None:
    """Refuse more faces than a list of seeds may name."""
    latents.parse_seed_ranges(f"{first}-{first + count - 1}")


def _named_orders(
    seeds: Sequence[int] | None, generator: Generator, face: FaceSettings, options: dict[str, Any]
) -> Iterable[Order]:
    return orders_from_seeds(seeds) if seeds is not None else _orders_from_file(generator, face, options)


def _orders_from_file(generator: Generator, face: FaceSettings, options: dict[str, Any]) -> Iterable[Order]:
    if options["w_file"]:
        ws = generator.conform(load_codes(options["w_file"], ("ws", "w")))
        return orders_from_codes(ws, "w")
    z = generator.conform_z(load_codes(options["z_file"], ("z",)))
    return orders_from_codes(generator.styles(z, face), "z")


def _parse_jobs(jobs: str) -> int:
    if jobs == "auto":
        return 0
    if not (jobs.isascii() and jobs.isdigit() and 0 < int(jobs[:5]) <= 1024):
        raise SettingError(f"--jobs is '{jobs}': give 1 to 1024, or auto")
    return int(jobs)


def _num_faces(number: int) -> str:
    return "1 face" if number == 1 else f"{number} faces"
