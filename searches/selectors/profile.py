"""What each layer of a candidate costs, and how targets and devices compare."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any
from zipfile import ZipFile

from django.contrib.auth.models import User

from architectures.ir import compact
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from codegen.models import Repository, RepositoryStatus
from profiling import targets
from profiling.meters.energy import modelled
from profiling.meters.memory import in_place_peak, sizes
from profiling.meters.roofline import Prediction, predict
from profiling.models import Device, JobStatus
from profiling.targets import Target
from searches.models import Candidate

MODEL_FILES = {".onnx", ".pt2", ".pte", ".tflite", ".keras", ".bin", ".npz"}  # what an export's size is that of


@dataclass(frozen=True)
class Row:
    """One layer: its share of the longest bar in each figure, in per cent."""

    name: str
    kind: str
    bound: str
    milliseconds: float
    macs: int
    output_bytes: int
    time_share: float
    macs_share: float
    memory_share: float


@dataclass(frozen=True)
class Place:
    """The network on one target or device."""

    name: str
    title: str
    latency_ms: float
    how: str  # measured, or by which model
    is_estimate: bool
    energy_mj: float
    unfit: str
    is_shown: bool


@dataclass(frozen=True)
class Profile:
    """A candidate seen by one target: its layers there, and its places on all targets and devices of a user."""

    target: Target
    graph: Graph
    counted: Complexity
    prediction: Prediction
    rows: list[Row]
    places: list[Place]
    sizes: dict[str, int]  # bytes of files, by format

    @classmethod
    def of(cls, candidate: Candidate, wanted: str, user: User) -> "Profile":
        kind = wanted.partition(targets.AT)[0]
        name = kind if kind in targets.names() else "this_machine"
        graph = compact.loads(candidate.graph)
        counted, target = complexity(graph), targets.create(name)
        prediction = predict(graph, target, counted)
        places = [*measured_places(candidate), *device_places(user, graph, counted), *kinds(graph, counted, name)]
        files = sizes(graph, counted) | exported(candidate, user)
        return cls(target, graph, counted, prediction, list(rows(graph, counted, prediction)), places, files)

    @property
    def in_place_bytes(self) -> int:
        return in_place_peak(self.graph)

    @property
    def measured(self) -> Place | None:
        """Returns what the run found on its own target."""
        return next((place for place in self.places if place.is_shown and not place.is_estimate), None)

    def to_document(self) -> dict[str, Any]:
        """Returns the profile as the API gives it."""
        costs = {"macs": self.counted.macs, "activation_peak_bytes": self.counted.activation_peak_bytes}
        costs |= {"in_place_peak_bytes": self.in_place_bytes, "training_peak_bytes": self.counted.training_peak_bytes}
        told = {"target": self.target.title, "modelled_latency_ms": self.prediction.milliseconds, "sizes": self.sizes}
        lists = {"layers": [asdict(row) for row in self.rows], "places": [asdict(place) for place in self.places]}
        return told | costs | lists


def exported(candidate: Candidate, user: User) -> dict[str, int]:
    """Sizes of the exports in the newest repository that is ready, by their formats."""
    links = candidate.repository_links.filter(repository__in=Repository.objects.visible_to(user))
    ready = links.filter(repository__status=RepositoryStatus.READY).order_by("-pk").select_related("repository")
    link = ready.first()
    if link is None or not link.repository.archive_path.is_file():
        return {}
    with ZipFile(link.repository.archive_path) as archive:
        files = [(entry.filename.split("/", 1)[-1], entry.file_size) for entry in archive.infolist()]
    exports = [(PurePath(path).relative_to("exports"), size) for path, size in files if path.startswith("exports/")]
    return {format_of(path): size for path, size in exports if path.suffix in MODEL_FILES}


def format_of(path: PurePath) -> str:
    """`litert/model.tflite` → litert; `model.int8.onnx` → int8 onnx."""
    return path.parts[0] if len(path.parts) > 1 else path.name.removeprefix("model.").replace(".", " ")


def rows(graph: Graph, counted: Complexity, prediction: Prediction) -> Iterator[Row]:
    """Lists nodes in the order of the network; those without any cost are left out."""
    longest = max(node.seconds for node in prediction.nodes) or 1
    most_macs = max(1, *(each.macs for each in counted.nodes))
    largest = max(1, *(each.output_bytes for each in counted.nodes))
    for node, cost, time in zip(graph.nodes, counted.nodes, prediction.nodes, strict=True):
        if cost.bytes_moved:
            yield Row(
                node.name,
                node.primitive.kind,
                time.bound,
                time.seconds * 1e3,
                cost.macs,
                cost.output_bytes,
                100 * time.seconds / longest,
                100 * cost.macs / most_macs,
                100 * cost.output_bytes / largest,
            )


def measured_places(candidate: Candidate) -> Iterator[Place]:
    """Yields what the run itself found, as it came about."""
    evaluation = candidate.evaluations.order_by("-fidelity").first()
    latency: Mapping[str, Any] = (evaluation.timing.get("latency") or {}) if evaluation else {}
    if not evaluation or "latency" not in evaluation.values:
        return
    target = targets.get(candidate.run.spec["target"])
    how = latency.get("how", "measured")
    words = f"{how}, {latency.get('rounds', 'several')} rounds" if how == "measured" else told(latency)
    yield Place(
        candidate.run.spec["target"],
        f"This run: {latency.get('device', target.title)}",
        evaluation.values["latency"],
        words,
        how != "measured",
        evaluation.values.get("energy", 0.0),
        "",
        True,
    )


def told(latency: Mapping[str, Any]) -> str:
    """The model behind an estimate, with its known error."""
    parts = [str(latency.get("model", "roofline"))]
    if "median_error" in latency:
        parts.append(f"median error {latency['median_error']:.0%}")
    if "why" in latency:
        parts.append(str(latency["why"]))
    return ", ".join(parts)


def device_places(user: User, graph: Graph, counted: Complexity) -> Iterator[Place]:
    """The user's own devices: what they measured of this network, else what their calibration says."""
    mark = fingerprint(graph)
    for device in Device.objects.owned_by(user):
        target = targets.create(device.kind)
        job = device.jobs.filter(fingerprint=mark, status=JobStatus.DONE).first()
        fitted = device.fitted
        if job is None and fitted is None:
            continue
        if job is not None and job.result:
            milliseconds, how = job.result["latency"]["corrected_ms"], "measured on the device"
        else:
            assert fitted is not None
            milliseconds = fitted.milliseconds(graph, counted)
            how = f"calibrated on {fitted.fit.measurements} networks, median error {fitted.fit.median_error:.0%}"
        energy = modelled(counted, target).value
        unfit = target.fits(counted.weight_bytes, counted.activation_peak_bytes) or ""
        yield Place(device.target_name, device.name, milliseconds, how, job is None, float(energy), unfit, False)


def kinds(graph: Graph, counted: Complexity, shown: str) -> Iterator[Place]:
    for name in targets.names():
        target = targets.create(name)
        if target.absence():
            continue
        yield Place(
            name,
            target.title,
            predict(graph, target, counted).milliseconds,
            "roofline of published numbers",
            True,
            float(modelled(counted, target).value),
            target.fits(counted.weight_bytes, counted.activation_peak_bytes) or "",
            name == shown,
        )
