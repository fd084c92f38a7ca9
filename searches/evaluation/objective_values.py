"""The values of a candidate besides accuracy: counted, measured here, or modelled for its target, as far as asked."""

from pathlib import Path

from torch import nn

from architectures.ir.complexity import Complexity
from architectures.ir.graph import Graph
from profiling import targets
from profiling.meters.energy import energy, modelled
from profiling.meters.latency import latency, one_at_a_time, one_thread, runner
from profiling.meters.mailbox import ask
from profiling.meters.memory import allocator_peak
from profiling.meters.reading import Reading
from profiling.meters.roofline import predict

Values = dict[str, float | int]
Details = dict[str, object]


def measured(
    graph: Graph,
    counted: Complexity,
    module: nn.Module | None,
    objectives: tuple[str, ...],
    target_name: str,
    folder: Path | None = None,
) -> tuple[Values, Details]:
    """Counted values always; latency and energy only for a trained module and only when asked: they cost time.

    ``folder`` is the run's, where a device's answers come.
    """
    values: Values = {
        "params": counted.params,
        "flops": counted.flops,
        "memory_bytes": counted.activation_peak_bytes,
    }
    details: Details = {}
    if module is None:
        return values, details
    target = targets.create(target_name)
    if "latency" in objectives:
        is_elsewhere = targets.device_number(target_name) is not None
        reading = ask(folder, graph) if folder and is_elsewhere else latency_of(graph, counted, module, target)
        values["latency_ms"] = reading.value
        details["latency"] = reading.to_document()
    if "memory" in objectives and target.device == "cuda":
        # Beside the counted value, which fronts and limits compare: it is the same for every candidate everywhere.
        details["memory"] = allocator_peak(runner(module, graph.input_shape, device=target.device))
    if "energy" in objectives:
        reading = energy_of(graph, counted, module, target)
        values["energy_mj"] = reading.value
        details["energy"] = reading.to_document()
    return values, details


def latency_of(graph: Graph, counted: Complexity, module: nn.Module, target: targets.Target) -> Reading:
    if target.device:
        return latency(module, graph.input_shape, device=target.device)
    return Reading(predict(graph, target, counted).milliseconds, "ms", "modelled", {"target": target.title})


def energy_of(graph: Graph, counted: Complexity, module: nn.Module, target: targets.Target) -> Reading:
    if not target.device:
        return modelled(counted, target)
    with one_thread(), one_at_a_time():
        return energy(runner(module, graph.input_shape, device=target.device), counted, target)
