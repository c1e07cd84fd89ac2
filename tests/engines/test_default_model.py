"""The default model against the graph as its author shipped it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies import latents
from nobodies.engines.openvino import OpenVinoEngine
from nobodies.models import Model
from nobodies.models.architectures.grid import TENSOR, without_grid
from nobodies.settings import EngineSettings

NUM_SEEDS = 50


@pytest.fixture(scope="module")
def codes() -> NDArray[np.float32]:
    return np.stack([latents.z_from_seed(seed, 512) for seed in range(NUM_SEEDS)])


def shipped_graph(folder: Path, name: str) -> Any:
    import openvino

    return openvino.Core().compile_model(folder / f"{name}Network.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Agreement of pictures whose range is 2, in dB."""
    return float(10 * np.log10(4 / np.mean((a.astype(np.float64) - b) ** 2)))


def test_style_codes_are_those_of_the_shipped_mapping(
    default_model: Model, shipped_folder: Path, codes: NDArray[np.float32]
) -> None:
    ours = OpenVinoEngine(default_model, EngineSettings()).map(codes)
    graph = shipped_graph(shipped_folder, "Mapping")
    shipped = np.concatenate([graph(z[None])[0].copy() for z in codes])
    np.testing.assert_allclose(ours, shipped, rtol=0, atol=2e-5 * np.abs(shipped).max())


def test_faces_are_those_of_the_shipped_graph(
    shipped_model: Model, shipped_folder: Path, codes: NDArray[np.float32]
) -> None:
    exact = OpenVinoEngine(shipped_model, EngineSettings(precision="f32"))
    auto = OpenVinoEngine(shipped_model, EngineSettings(precision="auto"))
    graph = shipped_graph(shipped_folder, "Synthesis")
    agreement: dict[str, list[float]] = {"f32": [], "auto": []}
    for w in exact.map(codes):
        shipped = graph(w[None])[0].copy()
        ws = np.repeat(w[None, None], exact.num_ws, axis=1)
        agreement["f32"].append(psnr(exact.synthesize_float(ws), shipped))
        agreement["auto"].append(psnr(auto.synthesize_float(ws), shipped))
    # The shipped graph gets no truncation: these are the model's wildest faces, where rounding shows most.
    assert min(agreement["f32"]) >= 100, agreement["f32"]
    assert min(agreement["auto"]) >= 45, agreement["auto"]


@pytest.mark.parametrize("precision", ["f32", "auto"])
def test_full_size_faces_are_the_same_alone_in_a_batch_and_with_any_streams(
    default_model: Model, codes: NDArray[np.float32], precision: Any
) -> None:
    alone = OpenVinoEngine(default_model, EngineSettings(precision=precision, layout="latency"))
    several = OpenVinoEngine(default_model, EngineSettings(precision=precision, streams=2, threads=2))
    ws = np.repeat(alone.map(codes[:4])[:, None], alone.num_ws, axis=1)
    wanted = np.concatenate([alone.synthesize(each[None]) for each in ws])
    assert np.array_equal(several.synthesize(ws), wanted)


def test_the_mended_model_draws_as_the_slow_twin_mends(
    default_model: Model, shipped_model: Model, codes: NDArray[np.float32]
) -> None:
    ws = np.repeat(OpenVinoEngine(shipped_model, EngineSettings()).map(codes[:2])[:, None], 23, axis=1)
    ws = latents.truncate(ws, default_model.tensors["mapping.w_avg"], psi=0.7)
    shipped = OpenVinoEngine(shipped_model, EngineSettings(precision="f32")).synthesize_float(ws)
    wanted = [without_grid(each.astype(np.float64), default_model.tensors[TENSOR]) for each in shipped]
    exact = OpenVinoEngine(default_model, EngineSettings(precision="f32"))
    auto = OpenVinoEngine(default_model, EngineSettings(precision="auto"))
    for found, close, twin, before in zip(
        exact.synthesize_float(ws), auto.synthesize_float(ws), wanted, shipped, strict=True
    ):
        assert psnr(found, twin) >= 100
        assert psnr(close, twin) >= 45
        assert psnr(before, twin) >= 40  # a seed keeps its face
    for found, twin in zip(auto.synthesize(ws), wanted, strict=True):
        assert psnr(found / 127.5, np.clip(twin.transpose(1, 2, 0), -1, 1) + 1) >= 45


def test_the_spike_at_a_quarter_of_the_sampling_frequency_is_gone(
    default_model: Model, shipped_model: Model, codes: NDArray[np.float32]
) -> None:
    def excess(model: Model) -> float:
        """Of the ring of period 4 px above its neighbours, in decades, over eight faces."""
        engine = OpenVinoEngine(model, EngineSettings())
        ws = np.repeat(engine.map(codes[:8])[:, None], engine.num_ws, axis=1)
        ws = latents.truncate(ws, model.tensors["mapping.w_avg"], psi=0.7)
        window = np.outer(np.hanning(1024), np.hanning(1024))
        power = sum(np.square(np.abs(np.fft.fft2(window * each.mean(axis=2)))) for each in engine.synthesize(ws))
        steps = np.fft.fftfreq(1024) * 1024
        rings = np.hypot(steps[:, None], steps[None]).astype(int).ravel()
        means = np.bincount(rings, np.ravel(power)) / np.bincount(rings)
        return float(np.log10(means[256] / np.median([means[256 + step] for step in (-9, -7, -5, -3, 3, 5, 7, 9)])))

    assert excess(shipped_model) > 0.3
    assert excess(default_model) < 0.2
