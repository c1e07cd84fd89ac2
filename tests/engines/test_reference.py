import numpy as np

from nobodies.engines import reference


def test_the_inverse_haar_transform_keeps_energy_and_places_bands() -> None:
    x = np.random.default_rng(0).standard_normal((8, 3, 5))
    y = reference.inverse_haar(x)
    assert y.shape == (2, 6, 10)
    np.testing.assert_allclose((y**2).sum(), (x**2).sum())
    flat = np.zeros((4, 1, 1))
    flat[0] = 2
    np.testing.assert_array_equal(reference.inverse_haar(flat), np.ones((1, 2, 2)))
    vertical = np.zeros((4, 1, 1))
    vertical[1] = 2
    np.testing.assert_array_equal(reference.inverse_haar(vertical)[0], [[1, 1], [-1, -1]])


def test_a_convolution_is_a_weighted_sum_of_neighbours() -> None:
    x = np.arange(12.0).reshape(1, 3, 4)
    weight = np.zeros((1, 1, 3, 3))
    weight[0, 0, 0, 1] = 1  # the neighbour above
    y = reference.convolve(x, weight)
    np.testing.assert_array_equal(y[0, 1:], x[0, :-1])
    np.testing.assert_array_equal(y[0, 0], 0)
    np.testing.assert_array_equal(reference.convolve_channels(x, weight[:, 0]), y)
