import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import InputError
from nobodies.inspection import Finding, Inspection, inspect, inspect_pixels
from nobodies.inspection.classifier import PATCH_PX, Rates, patch, probability, rates
from nobodies.inspection.findings import MEANINGS
from nobodies.provenance import encode_marked
from nobodies.provenance.verify import verify
from nobodies.vision.detect import Detector
from tests.inspection.test_spectrum import with_pattern
from tests.provenance.watermark.pictures import photograph
from tests.vision.conftest import BEARDED, SEEDS, face, mesh_of


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def found(inspection: Inspection, name: str) -> Finding:
    [finding] = [each for each in inspection.findings if each.name == name]
    return finding


def test_a_generated_face_shows_its_crop_and_the_net_knows_it() -> None:
    seen = inspect(as_png(face(BEARDED)))
    assert found(seen, "marks").state == "not found"
    assert found(seen, "alignment").state == "found"
    assert found(seen, "grid").state == "not checked"  # 256 px
    assert found(seen, "faults").state == "not found"
    assert {"alignment"} <= {each.name for each in seen.signs}
    assert "signs of a generated picture" in seen.summary


def test_a_grid_is_told_of_with_its_height() -> None:
    seen = inspect(as_png(with_pattern(np.asarray(photograph(512)), 16, 2.0)))
    grid = found(seen, "grid")
    assert grid.state == "found"
    assert f"{grid.values['odd_decades']:.2f} decades" in grid.detail


def test_without_a_face_what_needs_one_is_not_checked() -> None:
    seen = inspect(as_png(np.asarray(photograph(512))))
    assert {each.name for each in seen.findings if each.state == "not checked"} == {
        "alignment",
        "classifier",
        "faults",
    }
    assert seen.signs == ()
    assert "does not prove that it is a photograph" in seen.summary


def test_marks_come_first() -> None:
    seen = inspect(encode_marked(Image.fromarray(face(BEARDED)), {"seed": 10}))
    assert found(seen, "marks").state == "found"
    assert seen.summary == seen.verdict.summary
    assert "enerated" in seen.summary


def test_a_face_cut_by_the_edge_is_a_fault() -> None:
    wide = np.concatenate([face(BEARDED), face(BEARDED)[:, :150]], axis=1)
    seen = inspect_pixels(wide, verify(as_png(face(BEARDED))))
    faults = found(seen, "faults")
    assert faults.state == "found"
    assert "another face at the edge" in faults.detail


def test_every_finding_says_what_it_proves() -> None:
    seen = inspect(as_png(face(BEARDED))).to_json()
    assert [each["name"] for each in seen["findings"]] == ["marks", "grid", "alignment", "classifier", "faults"]
    assert all(each["meaning"] and each["detail"] for each in seen["findings"])
    assert all("proves nothing" in text.lower() for (_, state), text in MEANINGS.items() if state == "not found")


@pytest.mark.parametrize("content", [b"", b"no picture", as_png(np.zeros((64, 64, 3), np.uint8))[:-40]])
def test_what_is_no_picture_is_refused_in_a_line(content: bytes) -> None:
    with pytest.raises(InputError) as error:
        inspect(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (17, 16)])
def test_odd_shapes_are_looked_at(shape: tuple[int, int]) -> None:
    seen = inspect(as_png(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)))
    assert seen.signs == ()


def test_a_large_picture_is_reduced_before_faces_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    original = Detector.detect

    def noted(self: Detector, pixels: NDArray[np.uint8], **options: float) -> object:
        shapes.append(pixels.shape)
        return original(self, pixels, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Detector, "detect", noted)
    inspect(as_png(np.zeros((2000, 4000, 3), np.uint8)))
    assert shapes == [(768, 1536, 3)]


class TestClassifier:
    """The small net."""

    def test_it_knows_most_of_the_default_models_faces(self) -> None:
        likely = [probability(patch(face(seed), mesh_of(seed))) for seed in SEEDS]
        assert np.median(likely) > 0.5

    def test_it_does_not_know_what_is_no_face(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (PATCH_PX, PATCH_PX, 1), np.uint8).repeat(3, axis=2)
        assert 0 <= probability(noise) <= 1

    def test_a_patch_is_upright_grey_and_the_same_after_a_turn(self) -> None:
        straight = patch(face(BEARDED), mesh_of(BEARDED))
        assert straight.shape == (PATCH_PX, PATCH_PX, 3)
        assert (straight[..., 0] == straight[..., 2]).all()
        mesh = mesh_of(BEARDED)
        quarter = mesh.points.copy()
        quarter[:, 0], quarter[:, 1] = mesh.points[:, 1], 256 - mesh.points[:, 0]
        turned = patch(np.rot90(face(BEARDED)).copy(), replace(mesh, points=quarter))
        assert np.abs(turned.astype(int) - straight).mean() < 2

    def test_its_rates_are_those_of_a_test(self) -> None:
        known: Rates = rates()
        assert 0 < known.false_alarms < 0.05 < known.found <= 1
        assert 0.5 < known.auc <= 1
        assert min(known.num_generated, known.num_photographs) > 100
