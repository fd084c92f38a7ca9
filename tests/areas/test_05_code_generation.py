"""Area 5: the printed source computes what was searched, to the last bit that float addition allows."""

from random import Random

import pytest
import torch

from architectures import spaces
from architectures.nets.module import build
from codegen.sources.preview import preview


@pytest.mark.parametrize("name", spaces.names())
def test_the_printed_network_takes_the_searched_weights_and_gives_the_same_logits(name: str) -> None:
    space = spaces.create(name, (3, 32, 32), 7)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))  # (N, C, H, W)
    for seed in range(4):
        graph = space.decode(space.sample(Random(seed)))
        searched = build(graph, seed=seed).eval()
        namespace: dict[str, object] = {"__name__": "model", "__file__": "model.py"}
        exec(compile(preview(graph).files["model.py"], "model.py", "exec"), namespace)
        printed = namespace["Model"]().eval()  # type: ignore[operator]
        printed.load_state_dict(searched.state_dict(), strict=True)
        with torch.no_grad():
            assert (printed(images) - searched(images)).abs().max() <= 1e-6
