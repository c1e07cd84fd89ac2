"""A run as one page of HTML: curves, and made pictures over time with the discriminator's score under each.

The page holds everything but the sample sheets, which lie beside it in the folder of the run.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from nobodies.errors import InputError
from nobodies.files import write_atomic
from nobodies.training.run import RunFolder

_WIDTH, _HEIGHT, _MARGIN = 460, 180, 42
_MOST_POINTS: Final = 400
_MOST_SHEETS: Final = 40
_COLOURS: Final = ("#2266aa", "#cc5522")

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """One line of a chart."""

    name: str
    points: Sequence[Point]


def write_page(folder: RunFolder) -> Path:
    """Write `run/index.html` and give its path.

    Raises:
        InputError: there is no run in this folder.
        OutputError: the page cannot be written.
    """
    config = folder.config()
    if config is None:
        raise InputError(f"{folder.path} holds no run: give the '--out' of 'nobodies train'")
    log = folder.log()
    shown = log[-1]["num_pictures"] if log else 0
    charts = [chart(title, curves) for title, curves in _charts(log, folder.kid_figures())]
    sheets = [_sheet(folder, path) for path in _spread(sorted(folder.samples.glob("*.json")), _MOST_SHEETS)]
    text = _PAGE.format(
        name=html.escape(folder.path.resolve().name),
        shown=f"{shown / 1000:.1f}",
        total=f"{config.training.total_kimg:.0f}",
        charts="\n".join(charts),
        sheets="\n".join(reversed(sheets)),
        config=html.escape(config.to_json()),
    )
    path = folder.path / "index.html"
    write_atomic(path, text.encode())
    return path


def chart(title: str, curves: Sequence[Curve]) -> str:
    """Draw curves as SVG, with the limits of both axes."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return ""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)

    def place(point: Point) -> str:
        x = _MARGIN + (point[0] - left) / max(right - left, 1e-12) * (_WIDTH - 2 * _MARGIN)
        y = _HEIGHT - 24 - (point[1] - low) / max(high - low, 1e-12) * (_HEIGHT - 52)
        return f"{x:.1f},{y:.1f}"

    lines = [
        f'<polyline fill="none" stroke="{colour}" points="{" ".join(map(place, curve.points))}"/>'
        f'<text x="{_WIDTH - _MARGIN}" y="{14 + 13 * index}" text-anchor="end" fill="{colour}">{curve.name}</text>'
        for index, (curve, colour) in enumerate(zip(curves, _COLOURS, strict=False))
    ]
    limits = (
        f'<text x="0" y="{_HEIGHT - 24}">{low:.3g}</text><text x="0" y="32">{high:.3g}</text>'
        f'<text x="{_MARGIN}" y="{_HEIGHT - 6}">{left:.4g} kimg</text>'
        f'<text x="{_WIDTH - _MARGIN}" y="{_HEIGHT - 6}" text-anchor="end">{right:.4g}</text>'
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f'<text x="{_MARGIN}" y="14" class="title">{html.escape(title)}</text>{"".join(lines)}{limits}</svg>'
    )


def _charts(log: list[dict[str, Any]], kid: list[dict[str, Any]]) -> list[tuple[str, list[Curve]]]:
    def curve(name: str, key: str) -> Curve:
        values = [(line["num_pictures"] / 1000, line[key]) for line in log if line.get(key) is not None]
        return Curve(name, _means(values))

    measured = sorted((line["num_pictures"] / 1000, 1000 * line["kid"]["value"]) for line in kid)
    return [
        ("KID × 1000, EfficientNet-Lite0 features", [Curve("KID", measured)]),
        ("losses", [curve("generator", "generator_loss"), curve("discriminator", "discriminator_loss")]),
        ("mean score by the discriminator", [curve("real", "real_score"), curve("made", "fake_score")]),
        ("mean sign of the discriminator on real pictures", [curve("real", "real_sign")]),
        ("augmentation p", [curve("p", "augment_p")]),
        ("R1", [curve("R1", "r1_loss")]),
        ("path-length penalty", [curve("penalty", "path_length_loss")]),
        ("pictures a second", [curve("speed", "pictures_per_s")]),
    ]


def _means(points: list[Point]) -> list[Point]:
    """Average neighbours until a chart can show them all."""
    size = -(-len(points) // _MOST_POINTS)
    if size <= 1:
        return points
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in groups]


def _spread(paths: list[Path], count: int) -> list[Path]:
    """At most `count` of the paths, evenly, with the first and the last."""
    if len(paths) <= count:
        return paths
    return [paths[round(index * (len(paths) - 1) / (count - 1))] for index in range(count)]


def _sheet(folder: RunFolder, scores_path: Path) -> str:
    """One moment of the run: each picture of its sheet with its score, greener for more convincing ones."""
    scores = json.loads(scores_path.read_text())
    columns, logits = scores["columns"], scores["logits"]
    rows = -(-len(logits) // columns)
    source = f"{folder.samples.name}/{scores_path.stem}.png"
    cells = []
    for index, logit in enumerate(logits):
        x, y = index % columns, index // columns
        place = f"{x / max(columns - 1, 1):.2%} {y / max(rows - 1, 1):.2%}"
        cells.append(
            f'<figure><i style="background-image:url({source});background-size:{columns}00% {rows}00%;'
            f'background-position:{place}"></i><figcaption class="{"up" if logit > 0 else "down"}">'
            f"{logit:+.2f}</figcaption></figure>"
        )
    title = f"{int(scores_path.stem) / 1000:.1f} kimg, mean score {sum(logits) / len(logits):+.2f}"
    return f"<h3>{title}</h3>\n<div class=faces>{''.join(cells)}</div>"


_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{name}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #222; background: #fff }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem }}
svg {{ width: 100%; border: 1px solid #ddd; font-size: 10px }}
svg .title {{ font-weight: bold }}
.faces {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)); gap: 4px }}
figure {{ margin: 0; text-align: center; font-size: 12px }}
figure i {{ display: block; aspect-ratio: 1; image-rendering: auto }}
.up {{ color: #177245 }} .down {{ color: #a33 }}
pre {{ background: #f6f6f6; padding: 1rem; overflow: auto }}
</style>
<h1>{name}</h1>
<p>{shown} of {total} thousand pictures shown.</p>
<div class="charts">
{charts}
</div>
<h2>Made pictures</h2>
<p>The same latent codes at each snapshot, newest first. Under each picture stands the discriminator's answer:
above 0 it takes the picture for real.</p>
{sheets}
<h2>Settings</h2>
<pre>{config}</pre>
</html>
"""
