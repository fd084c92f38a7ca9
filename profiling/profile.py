"""All meters on one network for one target: what ``manage.py profile`` prints and the profile page shows."""

from dataclasses import dataclass

from architectures.ir.complexity import Complexity, complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from profiling import targets
from profiling.meters.energy import modelled
from profiling.meters.flops import flops
from profiling.meters.memory import memory
from profiling.meters.params import params
from profiling.meters.reading import Reading
from profiling.meters.roofline import Prediction, predict


@dataclass(frozen=True)
class Profile:
    fingerprint: str
    target: targets.Target
    readings: dict[str, Reading]
    prediction: Prediction
    unfit: str | None  # why the network does not fit the target

    def to_document(self) -> dict[str, object]:
        return {
            "fingerprint": self.fingerprint,
            "target": self.target.title,
            "fits": self.unfit is None,
            "unfit": self.unfit or "",
            "readings": {name: reading.to_document() for name, reading in self.readings.items()},
            "predicted_ms": self.prediction.milliseconds,
            "nodes": [
                {"name": node.name, "predicted_ms": node.seconds * 1e3, "bound": node.bound}
                for node in self.prediction.nodes
            ],
            "sources": [source._asdict() for source in self.target.sources],
        }


def profile(graph: Graph, target_name: str, measure: bool = True) -> Profile:
    """``measure`` runs the network where the target is this machine; else, and without it, latency is an estimate."""
    target = targets.create(target_name)
    counted = complexity(graph)
    prediction = predict(graph, target, counted)
    readings = {
        "params": params(counted),
        "flops": flops(counted),
        "memory": memory(counted),
        "latency": latency_reading(graph, target, prediction, measure),
        "energy": modelled(counted, target),
    }
    return Profile(fingerprint(graph), target, readings, prediction, unfit(counted, target))


def unfit(counted: Complexity, target: targets.Target) -> str | None:
    return target.fits(counted.weight_bytes, counted.activation_peak_bytes)


def latency_reading(graph: Graph, target: targets.Target, prediction: Prediction, measure: bool) -> Reading:
    if not (target.is_this_machine and measure):
        return Reading(prediction.milliseconds, "ms", "modelled", {"model": "roofline"})
    # Only here: the web process reads profiles of other targets and must not import torch.
    import torch

    from architectures.nets.module import build
    from profiling.meters.latency import latency

    module = build(graph, seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return latency(module, graph.input_shape)
