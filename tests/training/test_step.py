import math

import pytest
import torch

from nobodies.errors import SettingError, TrainingError
from nobodies.training.batches import ChunkLoader
from nobodies.training.dataset import PictureDataset
from nobodies.training.phases import Phases
from nobodies.training.processes import Processes
from nobodies.training.state import TrainingState, fresh_state
from nobodies.training.step import StepReport, mean_report, train_step, update_average
from tests.training.conftest import tiny_config


def run_steps(state: TrainingState, dataset: PictureDataset, count: int) -> None:
    phases, loader = Phases(state), ChunkLoader(dataset, state.config.training, Processes())
    for _ in range(count):
        train_step(phases, loader.load(state.step), Processes())


def weights(state: TrainingState) -> torch.Tensor:
    networks = (state.generator, state.discriminator, state.g_ema)
    return torch.cat([tensor.flatten() for network in networks for tensor in network.state_dict().values()])


def test_a_step_moves_everything(dataset: PictureDataset) -> None:
    state = fresh_state(tiny_config())
    before = [parameter.clone() for parameter in (*state.generator.parameters(), *state.discriminator.parameters())]
    run_steps(state, dataset, 1)
    after = [*state.generator.parameters(), *state.discriminator.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert state.mean_path_length > 0
    assert state.generator.mapping.w_avg.abs().sum() > 0
    assert state.num_pictures == 8


def test_the_same_seed_gives_the_same_run(dataset: PictureDataset) -> None:
    first, second, other = fresh_state(tiny_config()), fresh_state(tiny_config()), fresh_state(tiny_config(seed=1))
    for state in (first, second, other):
        run_steps(state, dataset, 2)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_chunks_add_up_to_the_batch(dataset: PictureDataset) -> None:
    """Two chunks of the same pictures and noise give the gradients of one of them."""
    state = fresh_state(tiny_config(batch=4, chunk=4))
    phases = Phases(state)
    (chunk,) = ChunkLoader(dataset, state.config.training, Processes()).load(0)
    train_step(phases, [chunk], Processes())
    twice = fresh_state(tiny_config(batch=8, chunk=4))
    train_step(Phases(twice), [chunk, chunk], Processes())
    ours, theirs = state.discriminator.b4.fc.weight, twice.discriminator.b4.fc.weight
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_classes(tmp_path: object, pictures: object) -> None:
    from tests.training.conftest import draw_pictures

    dataset = PictureDataset(draw_pictures(tmp_path / "labelled", classes=3), use_labels=True)  # type: ignore[operator]
    state = fresh_state(tiny_config(c_dim=3))
    before = state.generator.mapping.embed.weight.clone()
    run_steps(state, dataset, 1)
    assert not torch.equal(state.generator.mapping.embed.weight, before)


def test_what_is_frozen_stays(dataset: PictureDataset) -> None:
    state = fresh_state(tiny_config(freeze_mapping=True, freeze_g_blocks=1, freeze_d_blocks=1))
    frozen = [
        *state.generator.mapping.parameters(),
        *state.generator.synthesis.get_submodule("b4").parameters(),
        *state.discriminator.get_submodule("b8").parameters(),
    ]
    before = [parameter.clone() for parameter in frozen]
    moving = state.discriminator.b4.fc.weight.clone()
    run_steps(state, dataset, 2)
    assert all(torch.equal(a, b) for a, b in zip(before, frozen, strict=True))
    assert not torch.equal(moving, state.discriminator.b4.fc.weight)


def test_a_broken_gradient_stops_before_the_weights(dataset: PictureDataset) -> None:
    state = fresh_state(tiny_config())
    with torch.no_grad():
        state.discriminator.b4.out.bias.fill_(math.nan)
    before = torch.cat([parameter.flatten().clone() for parameter in state.generator.parameters()])
    with pytest.raises(TrainingError, match="not finite"):
        run_steps(state, dataset, 1)
    assert torch.equal(before, torch.cat([parameter.flatten() for parameter in state.generator.parameters()]))


def test_the_average_follows_by_half_lives() -> None:
    state = fresh_state(tiny_config(ema_kimg=0.008, ema_rampup=None, batch=8))
    state.step = 1
    with torch.no_grad():
        for parameter in state.generator.parameters():
            parameter.add_(1.0)
    before = [parameter.clone() for parameter in state.g_ema.parameters()]
    update_average(state)
    for old, new in zip(before, state.g_ema.parameters(), strict=True):
        torch.testing.assert_close(new - old, torch.full_like(new, 0.5))


def test_adaptive_augmentation_is_fed(dataset: PictureDataset) -> None:
    state = fresh_state(tiny_config(augment_target=-1.0, augment_kimg=0.1, augment_interval=1))
    run_steps(state, dataset, 3)
    assert state.augment.p > 0


def test_bf16_trains(dataset: PictureDataset) -> None:
    state = fresh_state(tiny_config(compute="bf16", augment="fixed", augment_p=0.5))
    run_steps(state, dataset, 2)
    assert weights(state).isfinite().all()


def test_figures_are_averaged_over_the_steps_that_have_them() -> None:
    first = StepReport(1, 1.0, 2.0, 5.0, 7.0, 0.5, 1.0, -1.0)
    second = StepReport(2, 3.0, 2.0, None, None, 1.0, 2.0, -1.0)
    assert mean_report([first, second]) == StepReport(2, 2.0, 2.0, 5.0, 7.0, 0.75, 1.5, -1.0)
    assert mean_report([second]).r1_loss is None


def test_processes_share_chunks_evenly() -> None:
    assert Processes(rank=1, count=2).own_chunks(4) == [1, 3]
    with pytest.raises(SettingError, match="cannot be shared"):
        Processes(rank=0, count=3).own_chunks(4)
