"""`nobodies bulk`: faces by the million, into shards."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from nobodies import latents
from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import settings_from, settings_options
from nobodies.cli.wishing import wish_options, wishes_from
from nobodies.errors import SettingError
from nobodies.models import Store
from nobodies.settings import (
    DEFAULT_MODEL,
    CrewSettings,
    EngineSettings,
    FaceSettings,
    GateSettings,
    MarkSettings,
    PictureSettings,
    ShardSettings,
)


@click.command(name="bulk")
@click.option("--count", type=int, metavar="N", help="So many faces, chosen from --from-seed on.")
@click.option("--from-seed", metavar="S", help="First seed for --count.  [default: 1]")
@click.option("--seeds", metavar="LIST", help="Seeds and ranges of seeds, for example 1-1000000; nobody is left out.")
@click.option("--out", required=True, metavar="FOLDER|URL", help="Where to: a folder, or such as s3://bucket/faces.")
@click.option("--edit", "changes", multiple=True, metavar="NAME=VALUE",
              help="Change each face, such as age=+10 or glasses=none; may be repeated.")  # fmt: skip
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")
@settings_options(ShardSettings)
@settings_options(CrewSettings)
@settings_options(FaceSettings)
@settings_options(PictureSettings)
@settings_options(MarkSettings, without=("c2pa",))
@settings_options(EngineSettings, without=("layout", "threads", "streams"))
@wish_options
@settings_options(GateSettings)
def command(out: str, model: str, changes: tuple[str, ...], **options: Any) -> None:
    """Make a large set of labelled portraits, on all cores of a machine or on a Ray cluster.

    The set is cut into files of about the same size, with index, checksums and a card that tells its terms. Run the
    same command again to go on where it stopped: finished files are verified and kept. The same seeds and settings
    give the same bytes, whoever makes them. Faces that look like minors are left out of a --count unless they are
    allowed, and faulty ones unless the gate is off; seeds that are named are all made.
    """
    from tqdm import tqdm

    from nobodies.bulk.crews import open_crew
    from nobodies.bulk.job import BulkJob
    from nobodies.bulk.lock import alone
    from nobodies.bulk.recipe import recipe_for
    from nobodies.bulk.target import Target
    from nobodies.gate import probes_of

    wanted = _wanted(options)
    wishes = wishes_from(options) if wanted.seeds is None else None
    with TerminalWatcher() as watcher:
        loaded = Store().load(model, watcher)
        gate = wanted.seeds is None and settings_from(GateSettings, options).gate
        gate = gate and probes_of(loaded, watcher) is not None
    recipe = recipe_for(
        loaded,
        precision=options["precision"],
        face=settings_from(FaceSettings, options),
        picture=settings_from(PictureSettings, options),
        marks=settings_from(MarkSettings, options, c2pa="off"),
        shards=settings_from(ShardSettings, options),
        changes=changes,
        wishes=wishes,
        balanced=options["balanced"],
        gate=gate,
        checked=options["checked"],
    )
    target = Target(out)
    with alone(target), open_crew(settings_from(CrewSettings, options), recipe) as crew:
        job = BulkJob(recipe, wanted, target, crew)
        plan = job.prepare()
        with tqdm(total=len(plan.seeds), unit="face", file=sys.stderr, disable=None) as bar:
            for record in job.make():
                bar.update(record.num_faces + len(record.left_out))
        audit = job.finish(loaded.description)
    kept = f" ({audit.num_kept} were there already)" if audit.num_kept else ""
    click.echo(f"{out}: {audit}{kept}; {audit.size_bytes / 1e6:.1f} MB")


def _wanted(options: Mapping[str, Any]) -> Any:
    """Read whose faces are asked for."""
    from nobodies.bulk.recipe import Wanted

    if (options["seeds"] is None) == (options["count"] is None):
        raise SettingError("say which faces: --count N or --seeds A-B")
    if options["seeds"] is None:
        first = latents.parse_seed(options["from_seed"] or 1)
        return Wanted(count=options["count"], from_seed=first, tries=options["tries"])
    if wishes_from(options) or any(options[name] for name in ("balanced", "checked", "from_seed")):
        raise SettingError("wishes, --balanced, --checked and --from-seed go with --count: leave them or --seeds out")
    return Wanted(seeds=options["seeds"])
