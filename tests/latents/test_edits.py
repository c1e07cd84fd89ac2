import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nobodies.errors import SettingError, ShapeError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.edits import Change, changes_from, edit, parse_changes, smallest_step
from tests.latents.attribute_worlds import WIDTH, fitted, style_codes

LAYERS = 4


@pytest.fixture(scope="module")
def model() -> AttributeModel:
    return fitted()


def face(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.repeat(style_codes(1, seed).astype(np.float32), LAYERS, 0)


def test_a_step_moves_what_was_asked_and_holds_the_rest(model: AttributeModel) -> None:
    edited = edit(model, face(1), {"age": +5})
    assert edited.after["age"] == pytest.approx(edited.before["age"] + 5, abs=0.05)
    held = [name for name in model.names if name != "age"]
    assert [edited.after[name] for name in held] == pytest.approx([edited.before[name] for name in held], abs=0.02)
    assert not edited.clamped
    assert str(edited) == "as asked"


def test_the_step_is_the_shortest_of_all_that_do_it(model: AttributeModel) -> None:
    rows = list(range(len(model.names)))
    step = np.zeros(len(rows))
    step[model.index("age")] = 5.0
    direction, length = smallest_step(model, rows, step)
    components, floor = model.arrays["components"].astype(float), float(model.arrays["floor"])
    precision = np.linalg.inv(components.T @ components + floor * np.eye(WIDTH))
    assert np.sqrt(direction @ precision @ direction) == pytest.approx(length, rel=1e-3)
    random = np.random.default_rng(0)
    blind = np.linalg.svd(model.weights.astype(float))[2][len(rows) :]  # moves that no attribute sees
    for _ in range(20):
        other = direction + 0.1 * random.normal(size=len(blind)) @ blind
        assert other @ precision @ other >= direction @ precision @ direction - 1e-6


def in_layers(model: AttributeModel, shares: dict[str, list[float]]) -> AttributeModel:
    """The same attributes, some of them made by some layers only."""
    layers = np.full((len(model.names), LAYERS), 1 / LAYERS, np.float32)
    for name, row in shares.items():
        layers[model.index(name)] = row
    moved = (layers > 0.2).astype(np.float32)
    return AttributeModel(model.card, {**model.arrays, "layers": layers, "moved": moved})


def test_an_attribute_is_moved_in_its_own_layers_only(model: AttributeModel) -> None:
    layered = in_layers(model, {"yaw": [0.9, 0.1, 0, 0], "age": [0, 0, 0.4, 0.6]})
    edited = edit(layered, face(3), {"yaw": +5})
    moved = np.abs(edited.ws - face(3)).max(1) > 0
    assert moved.tolist() == [True, False, False, False]
    assert edited.after["yaw"] == pytest.approx(edited.before["yaw"] + 5, abs=0.05)
    both = edit(layered, face(3), {"yaw": +5, "age": -4})
    assert (np.abs(both.ws - face(3)).max(1) > 0).tolist() == [True, False, True, True]
    for name, step in (("yaw", 5), ("age", -4), ("smile", 0), ("pitch", 0)):
        assert both.after[name] == pytest.approx(both.before[name] + step, abs=0.05)


def test_layers_that_do_all_alike_change_nothing(model: AttributeModel) -> None:
    plain, layered = (edit(each, face(4), {"age": +7}) for each in (model, in_layers(model, {})))
    assert plain.ws == pytest.approx(layered.ws, abs=1e-5)
    assert plain.length == pytest.approx(layered.length)


def test_a_face_of_another_number_of_layers_is_refused(model: AttributeModel) -> None:
    with pytest.raises(ShapeError, match="these attributes are of 4"):
        edit(in_layers(model, {}), face(1)[:3], {"age": +1})


def test_what_was_found_missing_is_added_to_the_step(model: AttributeModel) -> None:
    once, further = edit(model, face(5), {"age": +5}), edit(model, face(5), {"age": +5}, further={"age": 2.0})
    assert further.after["age"] == pytest.approx(once.after["age"] + 2, abs=0.05)


def test_without_holding_a_step_is_shorter_still(model: AttributeModel) -> None:
    held, free = (edit(model, face(2), {"age": +5}, hold=hold) for hold in (True, False))
    assert free.length < held.length
    assert free.after["age"] == pytest.approx(held.after["age"], abs=0.1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 50), st.floats(-60, 60), st.floats(0.2, 4))
def test_no_step_is_longer_than_allowed_and_what_falls_short_is_said(seed: int, years: float, longest: float) -> None:
    model = fitted(400)
    edited = edit(model, face(seed), {"age": years}, longest=longest)
    assert edited.length <= longest * (1 + 1e-9)
    target = min(max(edited.before["age"] + years, 0), 90)
    missed = abs(edited.after["age"] - target)
    assert ("age" in edited.clamped) == (missed > 0.1 * abs(target - edited.before["age"]) + 1e-3)


def test_a_clamped_edit_says_how_far_it_went(model: AttributeModel) -> None:
    edited = edit(model, face(3), {"age": "90"}, longest=0.5)
    assert edited.clamped == {"age": edited.after["age"]}
    assert str(edited).startswith("clamped so that the face does not break: age ")


def test_there_and_back_is_where_it_was(model: AttributeModel) -> None:
    there = edit(model, face(4), {"age": +6, "yaw": -5})
    back = edit(model, there.ws, {"age": -6, "yaw": +5})
    assert back.ws == pytest.approx(face(4), abs=1e-3)


def test_all_layers_move_alike_and_the_given_codes_stay(model: AttributeModel) -> None:
    ws = face(5)
    before = ws.copy()
    moved = edit(model, ws, {"smile": "yes"}).ws - ws
    assert np.array_equal(ws, before)
    assert moved == pytest.approx(np.repeat(moved[:1], LAYERS, 0), abs=1e-5)
    assert np.abs(moved).max() > 0


def test_what_is_sure_already_is_left_alone(model: AttributeModel) -> None:
    smiling = edit(model, face(6), {"smile": "yes"}, longest=50)
    more = edit(model, edit(model, smiling.ws, {"smile": 1.0}, longest=50).ws, {"smile": "yes"})
    assert more.length == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["age=60"], {"age": Change(60)}),
        (["age=+10", "smile=-1"], {"age": Change(10, True), "smile": Change(-1, True)}),
        (["yaw==-20"], {"yaw": Change(-20)}),
        (["glasses=none"], {"eyeglasses": Change(0), "sunglasses": Change(0)}),
        (["glasses=sunglasses"], {"eyeglasses": Change(0), "sunglasses": Change(1)}),
        (["beard=no", "man=yes"], {"beard": Change(0), "woman": Change(0)}),
        (["man=+0.5"], {"woman": Change(-0.5, True)}),
        (["Hair-Lightness = 40"], {"hair_lightness": Change(40)}),
    ],
)
def test_changes_as_on_the_command_line(texts: list[str], meant: dict[str, Change]) -> None:
    assert parse_changes(texts) == meant


def test_a_number_is_a_step_and_a_text_is_as_typed() -> None:
    assert changes_from({"age": 10}) == {"age": Change(10, True)}
    assert changes_from({"age": "10"}) == {"age": Change(10)}


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["age"], "is no change"),
        (["mood=1"], "no attribute is called 'mood'"),
        (["age=200"], "beyond what faces have: choose 0 to 90 years"),
        (["age=old"], "age is 'old'"),
        (["age=nan"], "finite"),
        (["age=inf"], "finite"),
        (["age=1", "age=2"], "changed twice"),
        (["glasses=none", "eyeglasses=yes"], "changed twice"),
        (["glasses=funny"], "choose none, eyeglasses or sunglasses"),
        ([], "nothing is to be changed"),
    ],
)
def test_changes_that_cannot_be_are_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        parse_changes(texts)


def test_wrong_arguments_are_refused(model: AttributeModel) -> None:
    with pytest.raises(ShapeError, match="one face"):
        edit(model, style_codes(1)[0].astype(np.float32), {"age": 1})
    with pytest.raises(SettingError, match="longest"):
        edit(model, face(1), {"age": 1}, longest=0)
