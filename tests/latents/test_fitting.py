import numpy as np
import pytest

from nobodies.errors import SettingError
from nobodies.latents.attributes import AttributeModel, sigmoid
from nobodies.latents.fitting import auc, fit_attributes, platt, ridge
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


def test_too_few_faces_are_refused() -> None:
    w = style_codes(50)
    with pytest.raises(SettingError, match="50 faces are too few"):
        fit_attributes(w, truth(w), w, model="world", weights=FINGERPRINT, labelled_by={})
