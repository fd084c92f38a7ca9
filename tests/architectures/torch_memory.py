"""What torch's profiler sees allocated for activations: the other witness of the counted peaks.

Memory that an operator takes and gives back before it ends is its workspace (blocked copies of a convolution's inputs,
for one): it belongs to the backend, and is not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from architectures.ir.graph import Graph
from architectures.nets.module import build

OUTER = "autograd::engine::evaluate_function"  # computes a gradient, adds it to one that waits, lets go of its own


def inference_peak(graph: Graph) -> int:
    """Of one image, the image included."""
    module = build(graph, seed=1).eval()
    images = torch.zeros(1, *graph.input_shape)
    with torch.no_grad():
        module(images)
        return _peak(lambda: module(images)) + images.nbytes


def training_peak(graph: Graph, batch: int) -> int:
    """Of one step, the images included; each parameter's gradient is dropped as soon as it is there."""
    module = build(graph, seed=1).train()
    images = torch.randn(batch, *graph.input_shape, generator=torch.Generator().manual_seed(1))
    for parameter in module.parameters():
        parameter.register_post_accumulate_grad_hook(lambda parameter: setattr(parameter, "grad", None))

    def step() -> None:
        module(images).sum().backward()

    step()
    return _peak(step) + images.nbytes


def _peak(run: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    live = peak = 0
    for events in _by_operator(seen.profiler.kineto_results.experimental_event_tree()):
        for _, size in _lasting(events):
            live += size
            peak = max(peak, live)
    return peak


def _lasting(events: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without what is taken and given back among these events."""
    open_at: dict[int, int] = {}
    dropped = set()
    for place, (pointer, size) in enumerate(events):
        if size > 0:
            open_at[pointer] = place
        elif pointer in open_at:
            dropped |= {place, open_at.pop(pointer)}
    return [event for place, event in enumerate(events) if place not in dropped]


def _by_operator(roots: list[Any]) -> list[list[tuple[int, int]]]:
    """Allocations (positive) and releases of each outermost operator, in order of time."""
    found: list[tuple[int, list[tuple[int, int]]]] = []
    for root in sorted(roots, key=lambda event: event.start_time_ns):
        if root.name.startswith(OUTER):
            found += [(root.start_time_ns, each) for each in _by_operator(root.children)]
        else:
            found.append((root.start_time_ns, [(at[1], at[2]) for at in sorted(_allocations(root))]))
    return [events for _, events in found]


def _allocations(event: Any) -> list[tuple[int, int, int]]:
    fields = event.extra_fields
    own = [(event.start_time_ns, fields.ptr, fields.alloc_size)] if hasattr(fields, "alloc_size") else []
    return own + [each for child in event.children for each in _allocations(child)]
