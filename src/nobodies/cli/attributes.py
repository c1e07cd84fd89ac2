"""`nobodies attributes`: what can be wished for and changed, and fitting it for a model."""

import sys
from pathlib import Path
from typing import Any

import click

from nobodies.choosing import attributes_file, attributes_of, build_index
from nobodies.cli.loading import generator_options, open_generator
from nobodies.files import make_folder, write_atomic
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL


@click.group(name="attributes")
def command() -> None:
    """Show what can be wished for and changed; fit it for a model."""


@command.command(name="list")
def list_attributes() -> None:
    """List the attributes there are."""
    for name, attribute in ATTRIBUTES.items():
        values = f"{attribute.minimum:g} to {attribute.maximum:g} {attribute.unit}" if attribute.unit else "yes or no"
        click.echo(f"{name:22} {values:20} {attribute.text}")


@command.command()
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")
def show(model: str) -> None:
    """Show how well a model's attributes are read, on faces held out of the fit."""
    if not attributes_file(model).is_file():
        print_card(AttributeModel.load(model))
        return
    print_card(attributes_of(Store().load(model)))


@command.command()
@click.option("--faces", "num_faces", default=4000, show_default=True, help="Faces to draw and look at.")
@click.option("--state", type=click.Path(path_type=Path), default=Path("attributes-state"), show_default=True,
              help="Folder that keeps what was measured; the same command goes on from it.")  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), help="File; the user's cache, where it is used, if not given."
)
@generator_options
def fit(num_faces: int, state: Path, out: Path | None, **options: Any) -> None:
    """Draw faces, look at them, and fit what is needed to choose and change faces of a model."""
    from tqdm import tqdm

    from nobodies.labelling import fit_from_survey
    from nobodies.latents.fitting import FEWEST_FACES
    from nobodies.survey import Kind, load_survey, run_survey

    generator = open_generator(options)
    out = out or attributes_file(generator.model.name)
    make_folder(out.parent)
    plans: dict[Kind, int] = {"faces": num_faces, "mixed": max(num_faces // 10, FEWEST_FACES)}
    for kind, total in plans.items():
        with tqdm(total=total, unit="face", desc=kind, file=sys.stderr, disable=None) as bar:
            for done in run_survey(generator, state, total, kind=kind):
                bar.update(done - bar.n)
    fitted = fit_from_survey(load_survey(state), load_survey(state, kind="mixed"), generator)
    write_atomic(out, fitted.to_bytes())
    write_atomic(out.with_name(f"{out.stem}.index.safetensors"), build_index(generator, fitted).to_bytes())
    print_card(fitted)
    click.echo(f"written to {out}")


def print_card(attributes: AttributeModel) -> None:
    """Print how well each attribute is read."""
    card = attributes.card
    judged = f"judged on {card.num_held_out} of them by a fit on the others"
    click.echo(f"{card.model}: fitted on {card.num_faces} faces; {judged}")
    click.echo(f"{'attribute':22} {'R2':>5} {'AUC':>6} {'error':>7} {'share':>6}  labelled by")
    for name, fit_ in card.fits.items():
        auc = f"{fit_.auc:6.3f}" if fit_.auc is not None else f"{'':6}"
        share = f"{fit_.share:6.1%}" if fit_.share is not None else f"{'':6}"
        click.echo(f"{name:22} {fit_.r2:5.2f} {auc} {fit_.mae:7.2f} {share}  {fit_.labelled_by}")
