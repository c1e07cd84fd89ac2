from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from nobodies.vision import anchors

Array = npt.NDArray[Any]


def test_anchors_lie_in_the_middle_of_their_cells() -> None:
    slow = [
        ((x + 0.5) / cells, (y + 0.5) / cells)
        for cells, repeats in ((16, 2), (8, 6))
        for y in range(cells)
        for x in range(cells)
        for _ in range(repeats)
    ]
    assert np.allclose(anchors.anchor_centres(), slow)
    assert len(slow) == 896


def test_decoding_undoes_encoding() -> None:
    boxes, logits = np.zeros((896, 16), np.float32), np.full(896, -9.0, np.float32)
    number, corners = 700, np.array([[0.2, 0.3], [0.5, 0.7]])
    points = np.array([[0.3, 0.4], [0.4, 0.4], [0.35, 0.5], [0.35, 0.6], [0.2, 0.45], [0.5, 0.45]])
    centre = anchors.anchor_centres()[number]
    rows = [corners.mean(axis=0) - centre, corners[1] - corners[0], *(points - centre)]
    boxes[number] = np.ravel(rows) * anchors.INPUT_PX
    logits[number] = 2.0
    [found], [score] = anchors.decode(boxes, logits, min_score=0.5)
    assert np.allclose(found, [*corners, *points], atol=1e-6)
    assert np.isclose(score, 1 / (1 + np.exp(-2)))


def test_scores_below_the_limit_are_left_out() -> None:
    logits = np.linspace(-4, 4, 896, dtype=np.float32)
    _, scores = anchors.decode(np.zeros((896, 16), np.float32), logits, min_score=0.8)
    assert scores.min() >= 0.8
    assert len(scores) == (1 / (1 + np.exp(-logits.astype(float))) >= 0.8).sum()


def overlap(a: Array, b: Array) -> float:
    low, high = np.maximum(a[0], b[0]), np.minimum(a[1], b[1])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / (float(np.prod(a[1] - a[0])) + float(np.prod(b[1] - b[0])) - shared)


def slow_blend(faces: Array, scores: Array) -> list[Array]:
    left, kept = sorted(range(len(scores)), key=lambda i: -scores[i]), []
    while left:
        group = [i for i in left if i == left[0] or overlap(faces[left[0]], faces[i]) > anchors.OVERLAP]
        kept.append(np.average(faces[group], axis=0, weights=scores[group]))
        left = [i for i in left if i not in group]
    return kept


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Array, Array]:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 30))
    corner, size = random.random((count, 1, 2)), random.uniform(0.05, 0.5, (count, 1, 2))
    faces = corner + size * np.concatenate(
        [np.zeros((1, 1, 2)), np.ones((1, 1, 2)), random.random((1, 6, 2))], axis=1
    )
    return faces, random.permutation(count) / count * 0.5 + 0.5


@given(scenes())
def test_blending_equals_its_slow_twin(scene: tuple[Array, Array]) -> None:
    faces, scores = anchors.blend(*scene)
    assert np.allclose(faces, slow_blend(*scene))
    assert list(scores) == sorted(scores, reverse=True)


@given(scenes())
def test_what_is_distinct_does_not_overlap_and_what_goes_does(scene: tuple[Array, Array]) -> None:
    faces, scores = scene
    kept = anchors.distinct(faces, scores)
    for place, i in enumerate(kept):
        assert all(overlap(faces[i], faces[j]) <= anchors.OVERLAP + 1e-9 for j in kept[:place])
    assert kept[0] == int(np.argmax(scores))


def test_nothing_blends_to_nothing() -> None:
    faces, scores = anchors.blend(np.zeros((0, 8, 2)), np.zeros(0))
    assert faces.shape == (0, 8, 2)
    assert scores.shape == (0,)
