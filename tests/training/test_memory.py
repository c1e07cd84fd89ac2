"""Freed memory is kept, and what lies channels-last learns as if it did not."""

import subprocess
import sys

import pytest
import torch

from nobodies.networks.layers import conv_weight

PAGES_OF_A_LOOP = """
import resource, sys
import torch
from nobodies.training.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(40):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(10_000_000)  # 40 MB, more than it keeps of its own accord
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only the GNU C library can be told")
def test_a_loop_asks_the_system_once() -> None:
    def pages(mode: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PAGES_OF_A_LOOP, mode], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert pages("keep") < 1000 < pages("leave")


@pytest.mark.parametrize("transposed", [False, True])
def test_fused_adam_follows_the_layout(transposed: bool) -> None:
    fast = conv_weight(6, 5, 3, transposed=transposed)
    slow = torch.nn.Parameter(fast.detach().clone(memory_format=torch.contiguous_format))
    assert fast.stride() != slow.stride()
    optimizers = [torch.optim.Adam([fast], fused=True), torch.optim.Adam([slow], foreach=False)]
    target = torch.randn(6, 5, 3, 3)
    for _ in range(3):
        for parameter, optimizer in zip((fast, slow), optimizers, strict=True):
            optimizer.zero_grad()
            (parameter - target).square().sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    torch.testing.assert_close(fast, slow)
