"""All meters on one network for one target: what ``manage.py profile`` prints and the profile page shows."""

from collections.abc import Mapping
from dataclasses import dataclass

from architectures.ir.complexity import Complexity, complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from profiling import targets
from profiling.meters.energy import energy, modelled
from profiling.meters.flops import flops
from profiling.meters.memory import measured_peak, memory, sizes
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
    sizes: Mapping[str, int]  # bytes on a disk by format

    def to_document(self) -> dict[str, object]:
        return {
            "fingerprint": self.fingerprint,
            "target": self.target.title,
            "fits": self.unfit is None,
            "unfit": self.unfit or "",
            "readings": {name: reading.to_document() for name, reading in self.readings.items()},
            "predicted_ms": self.prediction.milliseconds,
            "sizes_bytes": dict(self.sizes),
            "nodes": [
                {"name": node.name, "predicted_ms": node.seconds * 1e3, "bound": node.bound}
                for node in self.prediction.nodes
            ],
            "sources": [source._asdict() for source in self.target.sources],
        }


def profile(
    graph: Graph,
    target_name: str,
    measure: bool = True,
    *,
    backend: str = "eager",
    batch: int = 1,
    peak: bool = False,
) -> Profile:
    """``measure`` runs the network where the target is of this machine; else, and without it, latency is an estimate.

    ``peak`` measures memory, too, in a process of its own.
    """
    target = targets.create(target_name)
    counted = complexity(graph)
    prediction = predict(graph, target, counted)
    readings = {"params": params(counted), "flops": flops(counted), "memory": memory(counted)}
    if measure and target.device:
        readings |= measured(graph, counted, target, backend, batch)
        if peak:
            readings["peak"] = measured_peak(graph, batch, target.device)
    else:
        readings["latency"] = Reading(prediction.milliseconds, "ms", "modelled", {"model": "roofline"})
        readings["energy"] = modelled(counted, target)
    return Profile(fingerprint(graph), target, readings, prediction, unfit(counted, target), sizes(graph, counted))


def measured(graph: Graph, counted: Complexity, target: targets.Target, backend: str, batch: int) -> dict[str, Reading]:
    # Only here: the web process reads profiles of other targets and must not import torch.
    from profiling.meters.backends import BACKENDS
    from profiling.meters.latency import latency_of_run

    run = BACKENDS[backend](graph, batch, target.device)
    latency = latency_of_run(run, batch=batch, device=target.device, backend=backend)
    return {"latency": latency, "energy": energy(run, counted, target) if batch == 1 else modelled(counted, target)}


def unfit(counted: Complexity, target: targets.Target) -> str | None:
    return target.fits(counted.weight_bytes, counted.activation_peak_bytes)
