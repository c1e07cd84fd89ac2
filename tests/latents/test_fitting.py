from itertools import pairwise

import numpy as np
import pytest

from nobodies.errors import SettingError
from nobodies.latents.attributes import AttributeModel, sigmoid
from nobodies.latents.fitting import auc, band_edges, fit_attributes, fit_layers, log_loss, logistic, platt, ridge
from nobodies.latents.vocabulary import ATTRIBUTES
from tests.latents.attribute_worlds import FINGERPRINT, fitted, style_codes, truth


@pytest.fixture(scope="module")
def model() -> AttributeModel:
    return fitted()


def test_leaving_one_out_by_formula_is_leaving_it_out() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 6)), random.normal(size=40)
    _, _, left_out = ridge(x, y, np.array([3.0]))
    for face in (0, 17, 39):
        others = np.arange(40) != face
        weights, offset, _ = ridge(x[others], y[others], np.array([3.0]))
        assert left_out[face] == pytest.approx(x[face] @ weights + offset, abs=0.02)


def test_ridge_finds_the_line_through_points_on_a_line() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(200, 5))
    weights, offset, _ = ridge(x, x @ np.arange(5.0) + 7)
    assert weights == pytest.approx(np.arange(5.0), abs=1e-3)
    assert offset == pytest.approx(7, abs=1e-3)


def test_ridge_does_not_see_a_pattern_in_noise() -> None:
    random = np.random.default_rng(2)
    weights, _, _ = ridge(random.normal(size=(300, 100)), random.normal(size=300))
    assert np.linalg.norm(weights) < 0.2


def test_a_logistic_line_recovers_what_drew_the_labels() -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=(6000, 4))
    true = x @ np.array([2.0, -1.0, 0.0, 0.5]) - 1.5
    there = random.random(6000) < sigmoid(true)
    weights, offset, left_out = logistic(x, there)
    assert weights == pytest.approx([2.0, -1.0, 0.0, 0.5], abs=0.2)
    assert offset == pytest.approx(-1.5, abs=0.15)
    assert log_loss(left_out, there) == pytest.approx(log_loss(true, there), abs=0.01)


def test_what_is_left_out_of_a_logistic_line_had_no_say_in_it() -> None:
    random = np.random.default_rng(5)
    x, there = random.normal(size=(100, 60)), random.random(100) < 0.5
    _, _, left_out = logistic(x, there, np.array([0.1]))
    assert auc(left_out, there) < 0.75  # noise; seen, it would be told apart perfectly


def test_log_loss_of_even_odds_is_a_bit() -> None:
    assert log_loss(np.zeros(4), np.array([True, False, True, True])) == pytest.approx(np.log(2))


def test_platt_recovers_the_curve_that_drew_the_labels() -> None:
    random = np.random.default_rng(3)
    scores = random.normal(size=20_000)
    there = random.random(20_000) < sigmoid(2.0 * scores - 1.0)
    slope, offset = platt(scores, there)
    assert slope == pytest.approx(2.0, abs=0.1)
    assert offset == pytest.approx(-1.0, abs=0.1)


def test_platt_stays_finite_where_scores_split_the_labels_perfectly() -> None:
    scores = np.linspace(-1, 1, 100)
    assert np.isfinite(platt(scores, scores > 0)).all()


def test_auc_counts_pairs_in_order_and_ties_as_halves() -> None:
    there = np.array([False, False, True, True])
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), there) == 1.0
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), there) == 0.0
    assert auc(np.array([1.0, 3.0, 2.0, 4.0]), there) == 0.75
    assert auc(np.zeros(4), there) == 0.5


def test_a_world_of_straight_lines_is_read_well(model: AttributeModel) -> None:
    assert model.names == tuple(ATTRIBUTES)
    for name, fit in model.card.fits.items():
        assert fit.r2 > 0.8, name
        if ATTRIBUTES[name].kind == "chance":
            assert fit.auc is not None
            assert fit.auc > 0.95


def test_predictions_on_new_faces_are_as_good_as_the_card_says(model: AttributeModel) -> None:
    w = style_codes(2000, 11)
    predicted, true = model.predict(w), truth(w)
    for name in ("age", "yaw"):
        assert np.abs(predicted[name] - true[name]).mean() < 1.3 * model.card.fits[name].mae


def test_chances_are_calibrated(model: AttributeModel) -> None:
    w = style_codes(6000, 12)
    there = truth(w)["beard"] >= 0.5
    chance = model.predict(w)["beard"]
    bins = np.minimum((chance * 10).astype(int), 9)
    errors = [
        abs(there[bins == each].mean() - chance[bins == each].mean()) * (bins == each).mean() for each in range(10)
    ]
    assert sum(errors) < 0.03


def test_what_is_sure_is_right_in_nearly_every_new_face(model: AttributeModel) -> None:
    w = style_codes(6000, 13)
    there, chance, row = truth(w)["smile"] >= 0.5, model.predict(w)["smile"], model.index("smile")
    sure_yes, sure_no = model.arrays["sure_yes"][row], model.arrays["sure_no"][row]
    assert there[chance >= sure_yes].mean() > 0.95
    assert (~there[chance <= sure_no]).mean() > 0.95


def test_glasses_are_absent_only_where_each_face_surely_lacks_them(model: AttributeModel) -> None:
    absent = {name: float(model.arrays["sure_no"][model.index(name)]) for name in ("eyeglasses", "beard")}
    assert absent["eyeglasses"] <= 0.0501
    assert absent["beard"] <= 0.1501


def test_labels_that_are_mistakes_do_not_bend_the_line() -> None:
    w = style_codes(1000)
    labels = truth(w)
    wrong = {**labels, "yaw": np.where(np.arange(1000) % 100 == 0, 90.0, labels["yaw"])}
    model = fit_attributes(w, wrong, w, model="world", weights=FINGERPRINT, labelled_by={})
    assert np.abs(model.predict(w)["yaw"] - labels["yaw"]).mean() < 0.1


def test_faces_without_a_label_are_left_out_of_that_attribute_only() -> None:
    w = style_codes(600)
    labels = truth(w)
    labels["age"] = np.where(np.arange(600) % 3 == 0, np.nan, labels["age"])
    model = fit_attributes(w, labels, w, model="world", weights=FINGERPRINT, labelled_by={})
    assert model.card.fits["age"].r2 > 0.85


def test_an_attribute_that_hardly_occurs_is_left_out() -> None:
    w = style_codes(300)
    labels = truth(w) | {"sunglasses": np.zeros(300)}
    model = fit_attributes(w, labels, w, model="world", weights=FINGERPRINT, labelled_by={})
    assert "sunglasses" not in model.names


def test_the_layers_of_an_attribute_are_found() -> None:
    model, num_ws = fitted(), 23
    edges = band_edges(num_ws)
    assert edges.tolist() == [0, 4, 7, 10, 13, 23]
    random = np.random.default_rng(6)
    w = np.stack([style_codes(400, 60 + band) for band in range(5)], axis=1)
    by_band = [truth(w[:, band]) for band in range(5)]
    labels = {name: by_band[0][name] for name in model.names}  # all in the first band
    labels["age"] = 0.25 * by_band[2]["age"] + 0.75 * by_band[4]["age"] + random.normal(size=400)
    layered = fit_layers(model, w, labels, num_ws)
    assert layered.layers is not None
    assert layered.layers.sum(1) == pytest.approx(np.ones(len(model.names)), abs=1e-5)
    shares = layered.layer_shares(num_ws)[model.index("age")]
    assert [shares[first:end].sum() for first, end in pairwise(edges)] == pytest.approx(
        [0, 0, 0.25, 0, 0.75], abs=0.06
    )
    assert layered.layers_of("yaw", num_ws).all()
    assert layered.layers_of("age", num_ws).tolist() == [False] * 4 + [True] * 19  # the first does nothing for it
    again = AttributeModel.from_bytes(layered.to_bytes())
    assert np.array_equal(again.layer_shares(num_ws), layered.layer_shares(num_ws))
    ws = np.repeat(style_codes(3, 70)[:, None], num_ws, 1)
    assert layered.scores(ws) == pytest.approx(model.scores(ws[:, 0]), abs=1e-4)


def test_too_few_mixed_faces_are_refused() -> None:
    with pytest.raises(SettingError, match="50 mixed faces are too few"):
        fit_layers(fitted(), style_codes(50)[:, None], {}, 1)


def test_too_few_faces_are_refused() -> None:
    w = style_codes(50)
    with pytest.raises(SettingError, match="50 faces are too few"):
        fit_attributes(w, truth(w), w, model="world", weights=FINGERPRINT, labelled_by={})
