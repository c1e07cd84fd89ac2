"""The engine on a tiny random network, against its slow twin."""

import gc
import inspect
import os
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as op

from nobodies.engines import Job, open_engine, reference
from nobodies.engines.openvino import OpenVinoEngine, compiling
from nobodies.engines.openvino.cuts import Cuts
from nobodies.engines.openvino.grid import Grid
from nobodies.errors import SettingError, ShapeError, WeightsError
from nobodies.models import Model
from nobodies.models.architectures.grid import TENSOR, without_grid
from nobodies.settings import EngineSettings
from tests.engines.tiny import ARCHITECTURE, tiny_model, tiny_noise, tiny_ws, with_grid

EXACT = EngineSettings(precision="f32")
CUTS = Cuts(coarse_to_px=8, strips_from_px=16, num_strips=3)


@pytest.fixture(scope="module")
def engine() -> OpenVinoEngine:
    return OpenVinoEngine(tiny_model(), EXACT, cuts=CUTS)


def psnr(a: Any, b: Any) -> float:
    """Agreement of pictures in [-1, 1], in dB."""
    return float(10 * np.log10(4 / np.mean((np.asarray(a, np.float64) - b) ** 2)))


@pytest.mark.parametrize(
    "cuts",
    [
        Cuts(),
        CUTS,
        Cuts(coarse_to_px=4, strips_from_px=8, num_strips=1),
        Cuts(coarse_to_px=4, strips_from_px=8, num_strips=7),
        Cuts(coarse_to_px=16, strips_from_px=32, num_strips=32),
    ],
)
def test_pictures_are_those_of_the_slow_twin(cuts: Cuts) -> None:
    engine = OpenVinoEngine(tiny_model(), EXACT, cuts=cuts)
    ws = tiny_ws(2)
    for codes, picture in zip(ws, engine.synthesize_float(ws), strict=True):
        wanted = reference.synthesize(ARCHITECTURE, tiny_model().tensors, codes)
        assert picture.shape == wanted.shape == (3, 64, 64)
        assert psnr(picture, wanted) > 110


def test_bytes_are_the_floats_rounded(engine: OpenVinoEngine) -> None:
    floats = engine.synthesize_float(tiny_ws()).transpose(0, 2, 3, 1)
    pictures = engine.synthesize(tiny_ws())
    assert pictures.dtype == np.uint8
    assert pictures.shape == (3, 64, 64, 3)
    assert np.abs(np.clip(floats * 127.5 + 127.5, 0, 255) - pictures).max() < 0.501
    assert pictures.std() > 20


def test_each_layer_has_its_own_style(engine: OpenVinoEngine) -> None:
    ws = tiny_ws(1)
    before = engine.synthesize_float(ws)
    for layer in range(ARCHITECTURE.num_ws):
        changed = ws.copy()
        changed[:, layer] += 0.5
        assert np.abs(engine.synthesize_float(changed) - before).max() > 1e-4, layer


@pytest.mark.parametrize("noise", ["none", "seeded"])
def test_noise_is_replaced(engine: OpenVinoEngine, noise: Any) -> None:
    ws, tensors = tiny_ws(1), tiny_model().tensors
    stored = [tensors[f"{layer}.noise_const"] for layer, _ in ARCHITECTURE.noise_layers]
    drawn = tiny_noise()
    added = [each.std() * draw for each, draw in zip(stored, drawn, strict=True)]
    if noise == "none":
        added = [np.zeros_like(each) for each in stored]
    picture = engine.synthesize_float(ws, noise=noise, noise_maps=drawn if noise == "seeded" else None)[0]
    assert psnr(picture, reference.synthesize(ARCHITECTURE, tensors, ws[0], added)) > 110
    assert psnr(picture, reference.synthesize(ARCHITECTURE, tensors, ws[0])) < 60


def test_noise_does_not_linger(engine: OpenVinoEngine) -> None:
    before = engine.synthesize(tiny_ws(1))
    engine.synthesize(tiny_ws(1), noise="none")
    assert np.array_equal(engine.synthesize(tiny_ws(1)), before)


@pytest.mark.parametrize("precision", ["f32", "auto"])
def test_a_picture_is_the_same_alone_in_a_batch_and_with_any_streams(precision: Any) -> None:
    alone = OpenVinoEngine(tiny_model(), EngineSettings(precision=precision, threads=1, streams=1), cuts=CUTS)
    several = OpenVinoEngine(tiny_model(), EngineSettings(precision=precision, threads=2, streams=2), cuts=CUTS)
    ws = tiny_ws(9)
    wanted = np.concatenate([alone.synthesize(each[None]) for each in ws])
    assert np.array_equal(alone.synthesize(ws), wanted)
    assert np.array_equal(several.synthesize(ws), wanted)


def test_auto_precision_is_close_to_exact(engine: OpenVinoEngine) -> None:
    auto = OpenVinoEngine(tiny_model(), EngineSettings(precision="auto"), cuts=CUTS)
    assert auto.precision in {"bf16", "f32"}
    assert psnr(auto.synthesize_float(tiny_ws()), engine.synthesize_float(tiny_ws())) > 35


def test_a_stream_keeps_order_and_tags(engine: OpenVinoEngine) -> None:
    ws = tiny_ws(12)
    landed = list(engine.stream(Job(each, tag=index) for index, each in enumerate(ws)))
    assert [job.tag for job, _ in landed] == list(range(12))
    assert np.array_equal(np.stack([picture for _, picture in landed]), engine.synthesize(ws))


def test_a_stream_looks_only_a_few_jobs_ahead(engine: OpenVinoEngine) -> None:
    taken = 0

    def jobs() -> Iterator[Job]:
        nonlocal taken
        for each in tiny_ws(50):
            taken += 1
            yield Job(each)

    stream = engine.stream(jobs())
    for done in range(1, 6):
        next(stream)
        assert taken <= done + 4
    stream.close()  # type: ignore[attr-defined]
    assert taken < 12


def test_a_stream_that_is_left_or_fails_leaves_the_engine_usable(engine: OpenVinoEngine) -> None:
    wanted = engine.synthesize(tiny_ws())

    def failing() -> Iterator[Job]:
        yield from (Job(each) for each in tiny_ws())
        raise LookupError("no more")

    for _ in range(20):
        next(engine.stream(Job(each) for each in tiny_ws(6)))
        with pytest.raises(LookupError):
            list(engine.stream(failing()))
    assert np.array_equal(engine.synthesize(tiny_ws()), wanted)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells which cores a thread may use")
@pytest.mark.parametrize("layout", ["latency", "throughput"])
def test_no_thread_is_bound_to_a_core(layout: Any) -> None:
    with ThreadPoolExecutor(1) as beside:  # the calling thread could be bound as well: not this one
        engine = OpenVinoEngine(tiny_model(), EngineSettings(layout=layout, threads=1, streams=1))
        beside.submit(engine.synthesize, tiny_ws(1)).result()
        for status in Path("/proc/self/task").glob("*/status"):
            assert _cores(status) == os.sched_getaffinity(0), status.read_text()


def _cores(status: Path) -> set[int]:
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("Cpus_allowed:"))
    mask = int(line.split()[1].replace(",", ""), 16)
    return {core for core in range(mask.bit_length()) if mask >> core & 1}


def test_threads_may_share_an_engine(engine: OpenVinoEngine) -> None:
    ws = tiny_ws(8)
    wanted = engine.synthesize(ws)
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda index: engine.synthesize(ws[index % 8, None])[0], range(64)))
    assert all(np.array_equal(picture, wanted[index % 8]) for index, picture in enumerate(drawn))


@pytest.mark.parametrize("shape", [(1, 8), (0, 11, 8), (1, 10, 8), (1, 11, 7)])
def test_style_codes_of_a_wrong_shape_are_refused(engine: OpenVinoEngine, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"ws is \[.*11, 8\]"):
        engine.synthesize(np.zeros(shape, np.float32))


def test_noise_maps_that_do_not_fit_are_refused(engine: OpenVinoEngine) -> None:
    with pytest.raises(SettingError, match="there are no maps"):
        engine.synthesize(tiny_ws(1), noise="seeded")
    with pytest.raises(SettingError, match="leave them out"):
        engine.synthesize(tiny_ws(1), noise_maps=tiny_noise())
    with pytest.raises(ShapeError, match="this model takes sides"):
        engine.synthesize(tiny_ws(1), noise="seeded", noise_maps=tiny_noise()[1:])


def test_more_streams_than_threads_are_refused() -> None:
    with pytest.raises(SettingError, match="every stream needs a thread"):
        OpenVinoEngine(tiny_model(), EngineSettings(threads=1, streams=2))


@pytest.mark.parametrize("cuts", [Cuts(8, 16, 1), Cuts(8, 16, 4), Cuts(8, 1 << 20, 8)])
def test_the_grid_is_taken_out_however_the_picture_is_cut(cuts: Cuts) -> None:
    model = with_grid(tiny_model())
    engine = OpenVinoEngine(model, EXACT, cuts=cuts)
    ws = tiny_ws(2)
    wanted = np.stack([reference.synthesize(ARCHITECTURE, model.tensors, each) for each in ws])
    kept = np.stack([reference.synthesize(ARCHITECTURE, tiny_model().tensors, each) for each in ws])
    assert np.abs(wanted - kept).max() > 0.02
    found = engine.synthesize_float(ws)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    # Of bytes it is taken out after they were rounded.
    drawn = np.clip(np.round(kept * 127.5 + 127.5), 0, 255) / 127.5 - 1
    freed = np.stack([without_grid(each, model.tensors[TENSOR]) for each in drawn])
    bytes_ = np.clip(np.round(freed * 127.5 + 127.5), 0, 255).transpose(0, 2, 3, 1)
    assert np.abs(engine.synthesize(ws) - bytes_).max() <= 1


@pytest.mark.parametrize("rows", [128, 256])
def test_bytes_lose_their_grid_as_the_slow_twin_says(rows: int) -> None:
    rng = np.random.default_rng(rows)
    tile = np.float32(0.02) * rng.standard_normal((3, 32, 32)).astype(np.float32)
    picture = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)  # at both ends of the range, too
    drawn = op.parameter([1, rows, 256, 3], np.uint8)
    model = openvino.Model([op.result(Grid(tile, 256).out_of_bytes(drawn))], [drawn], "grid")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = np.concatenate([compiled(part)[0][0] for part in picture.reshape(-1, 1, rows, 256, 3)])
    wanted = without_grid(picture.transpose(2, 0, 1) / 127.5 - 1, tile).transpose(1, 2, 0) * 127.5 + 127.5
    off = np.abs(found - np.clip(np.round(wanted), 0, 255))
    assert off.max() <= 1
    assert off.mean() < 1e-3  # where rounding is a matter of the last bit


def test_weights_that_do_not_fit_are_refused_before_anything_is_compiled() -> None:
    model = tiny_model()
    with pytest.raises(WeightsError, match=r"no 'mapping\.fc0\.weight'"):
        open_engine(Model(model.description, {}), EXACT, compiled_folder=None)


def test_a_grid_of_another_size_is_refused() -> None:
    model = tiny_model()
    odd = Model(model.description, {**model.tensors, "synthesis.grid": np.zeros((3, 16, 16), np.float32)})
    with pytest.raises(WeightsError, match=r"'synthesis\.grid' is float32 \[3, 16, 16\]"):
        OpenVinoEngine(odd, EXACT)


class TestKept:
    """Compiled graphs in a folder."""

    @pytest.fixture
    def compilations(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Names of the graphs that were compiled and not read."""
        seen: list[str] = []
        original = openvino.Core.compile_model

        def counted(core: Any, model: Any, *rest: Any) -> Any:
            seen.append(model.get_friendly_name())
            return original(core, model, *rest)

        monkeypatch.setattr(openvino.Core, "compile_model", counted)
        return seen

    def draw(self, folder: Path, model: Model | None = None) -> Any:
        return OpenVinoEngine(model or tiny_model(), EXACT, compiled_folder=folder, cuts=CUTS).synthesize(tiny_ws(1))

    def test_a_second_start_compiles_nothing(self, tmp_path: Path, compilations: list[str]) -> None:
        first = self.draw(tmp_path / "compiled")
        assert compilations == ["coarse", "fine-uint8"]
        assert np.array_equal(self.draw(tmp_path / "compiled"), first)
        assert len(compilations) == 2

    @pytest.mark.parametrize("damage", [0, 40, 5000, -1])
    def test_a_damaged_file_is_made_again(self, tmp_path: Path, compilations: list[str], damage: int) -> None:
        first = self.draw(tmp_path)
        for path in tmp_path.iterdir():
            content = bytearray(path.read_bytes())
            content[damage] ^= 1
            path.write_bytes(content)
        assert np.array_equal(self.draw(tmp_path), first)
        assert len(compilations) == 4
        self.draw(tmp_path)
        assert len(compilations) == 4

    @pytest.mark.parametrize("content", [b"", b"x", b"\0" * 100_000])
    def test_a_file_of_something_else_is_made_again(
        self, tmp_path: Path, compilations: list[str], content: bytes
    ) -> None:
        first = self.draw(tmp_path)
        for path in tmp_path.iterdir():
            path.write_bytes(content)
        assert np.array_equal(self.draw(tmp_path), first)
        assert len(compilations) == 4

    def test_a_sound_digest_over_a_blob_that_openvino_refuses(self, tmp_path: Path, compilations: list[str]) -> None:
        kept = compiling.Kept(tmp_path, "graph", "here")
        blob = memoryview(b"not a compiled graph" * 10)
        kept.path.write_bytes(kept._digest(blob) + blob)
        assert kept.read({}) is None

    def test_other_weights_or_another_version_are_not_mixed_up(
        self, tmp_path: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.draw(tmp_path)
        other = tiny_model(seed=5)
        described = replace(other.description, name=tiny_model().name, weights_sha256="5")
        changed = self.draw(tmp_path, Model(described, other.tensors))
        assert len(compilations) == 4
        monkeypatch.setattr(openvino, "get_version", lambda: "another")
        assert np.array_equal(self.draw(tmp_path, Model(described, other.tensors)), changed)
        assert len(compilations) == 6

    def test_checkouts_that_build_other_graphs_do_not_overwrite_each_other(
        self, tmp_path: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.draw(tmp_path)
        original = inspect.getsource
        with monkeypatch.context() as other_checkout:
            other_checkout.setattr(inspect, "getsource", lambda module: original(module) + "# changed")
            self.draw(tmp_path)
            assert len(compilations) == 4
        self.draw(tmp_path)
        assert len(compilations) == 4

    def test_a_mended_model_is_not_taken_for_the_one_as_shipped(
        self, tmp_path: Path, compilations: list[str]
    ) -> None:
        model = tiny_model()
        self.draw(tmp_path, model)
        self.draw(tmp_path, Model(model.description, tiny_model(seed=3).tensors, mend="3"))
        assert len(compilations) == 4

    def test_only_the_few_used_last_are_kept(self, tmp_path: Path) -> None:
        (tmp_path / "graph.blob").write_bytes(b"of a version without keys")
        (tmp_path / "graph-of-another-model-0123456789ab.blob").write_bytes(b"")
        for path in tmp_path.iterdir():
            os.utime(path, (1, 1))
        for index in range(6):
            kept = compiling.Kept(tmp_path, "graph", str(index))
            kept.path.write_bytes(b"")
            os.utime(kept.path, (100 + index, 100 + index))
            kept._forget_oldest()
        wanted = {compiling.Kept(tmp_path, "graph", str(index)).path.name for index in range(2, 6)}
        assert {path.name for path in tmp_path.iterdir()} == wanted | {"graph-of-another-model-0123456789ab.blob"}

    def test_a_folder_that_cannot_be_made_only_costs_time(
        self, tmp_path: Path, compilations: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        first = self.draw(tmp_path / "file" / "compiled")
        assert first.shape == (1, 64, 64, 3)
        assert "the compiled model is not kept" in caplog.text
        assert (tmp_path / "file").read_text() == "in the way"

    def test_a_full_disk_only_costs_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        assert self.draw(tmp_path).shape == (1, 64, 64, 3)
        assert "the disk is full" in caplog.text
        assert list(tmp_path.iterdir()) == []


def test_an_engine_that_is_done_with_gives_its_requests_back() -> None:
    engine = OpenVinoEngine(tiny_model(), EXACT, cuts=CUTS)
    engine.synthesize(tiny_ws())
    pair = weakref.ref(engine._runners["uint8"]._idle[0])
    del engine
    gc.collect()
    assert pair() is None
