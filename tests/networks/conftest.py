"""Networks and numbers of an independent implementation."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from nobodies.networks import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig

# Tensors here are so small that threads wait for one another longer than they work.
torch.set_num_threads(1)

DATA = Path(__file__).parent.parent / "data" / "stylegan2"


@dataclass(frozen=True)
class Fixture:
    generator: Generator
    discriminator: Discriminator
    values: dict[str, Tensor]


def _shared(about: dict[str, Any]) -> dict[str, Any]:
    names = ("resolution", "c_dim", "channel_base", "channel_max", "conv_clamp", "img_channels")
    return {name: about[name] for name in names}


@pytest.fixture(scope="session", params=["skip-resnet-32", "cond-16"])
def official(request: pytest.FixtureRequest) -> Fixture:
    about = json.loads((DATA / f"{request.param}.json").read_text())
    generator = Generator(
        GeneratorConfig(
            **_shared(about),
            z_dim=about["z_dim"],
            w_dim=about["w_dim"],
            mapping_layers=about["mapping_layers"],
            architecture=about["generator_architecture"],
        )
    )
    discriminator = Discriminator(
        DiscriminatorConfig(
            **_shared(about),
            architecture=about["discriminator_architecture"],
            mbstd_group_size=about["mbstd_group_size"],
        )
    )
    weights = load_file(DATA / f"{request.param}.weights.safetensors")
    generator.load_state_dict({name[2:]: tensor for name, tensor in weights.items() if name.startswith("G.")})
    discriminator.load_state_dict({name[2:]: tensor for name, tensor in weights.items() if name.startswith("D.")})
    return Fixture(generator, discriminator, load_file(DATA / f"{request.param}.values.safetensors"))
