"""README.md of a generated repository: the model card."""

from collections.abc import Iterator, Mapping
from typing import Any

from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from codegen.escaping import markdown, quoted, slug
from codegen.licences import LICENCES
from codegen.repository_request import STANDARD, Figure, Neighbour, RepositoryRequest
from codegen.sources.target_advice import lines

LIMITS = """\
* It knows the classes above and no others: every picture gets one of them.
* Accuracy is that of the dataset's test split; pictures of another kind (camera, light, framing) may do worse.
* The splits hold what the dataset holds: no test for fairness or for hostile inputs was made.
"""


def card(request: RepositoryRequest, graph: Graph, exports: tuple[str, ...]) -> str:
    parts = [
        "\n".join(front_matter(request)),
        f"# {markdown(request.name)}",
        "\n".join(introduction(request, graph)),
        "![architecture](architecture.svg)",
        "## What it reaches\n\n" + "\n".join(figures(request, graph)),
        *front_part(request),
        *target_part(request, graph, exports),
        quick_start(request, exports),
        *data_part(request),
        files_part(),
        f"## Limits\n\n{LIMITS}",
        "\n".join(origin(request)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def front_matter(request: RepositoryRequest) -> Iterator[str]:
    yield from (
        "---",
        f"license: {LICENCES[request.licence].card}",
        "pipeline_tag: image-classification",
        "tags: [neural-architecture-search]",
    )
    name = request.data.get("name")
    if name:
        yield f"datasets: [{quoted(str(name))}]"
    accuracy = next((each for each in request.results if each.name == "test_accuracy"), None)
    if accuracy:
        yield from ("model-index:", f"  - name: {quoted(slug(request.name))}", "    results:")
        yield "      - task: {type: image-classification}"
        data = str(name or "unnamed")
        yield f"        dataset: {{name: {quoted(data)}, type: {quoted(slug(data))}}}"
        yield f"        metrics: [{{type: accuracy, value: {accuracy.value!r}}}]"
    yield "---"


def introduction(request: RepositoryRequest, graph: Graph) -> Iterator[str]:
    counted = complexity(graph)
    shape = "×".join(map(str, graph.input_shape))
    yield f"A convolutional network that puts an image ({shape}: channels, height, width) into one of {graph.classes}"
    yield f"classes: {label_list(request, graph)}. It has {counted.params:,} parameters and needs {counted.macs:,}"
    yield "multiply-adds per image. Architecture search found it; this repository runs without the program that did."


def label_list(request: RepositoryRequest, graph: Graph) -> str:
    labels = [markdown(str(label)) for label in request.data.get("labels") or range(graph.classes)]
    return ", ".join(labels) if len(labels) <= 20 else f"{', '.join(labels[:20])} and {len(labels) - 20} more"


def figures(request: RepositoryRequest, graph: Graph) -> Iterator[str]:
    yield from ("| figure | value | how | note |", "|---|---|---|---|")
    given = {figure.name for figure in request.results}
    for figure in (*request.results, *(each for each in counts(graph) if each.name not in given)):
        cells = (figure.name.replace("_", " "), f"{number(figure.value)} {figure.unit}", figure.kind, figure.note)
        yield f"| {' | '.join(markdown(cell) for cell in cells)} |"
    if not request.results:
        yield "\nIts weights are drawn at random: it is not trained, and has no accuracy yet."


def counts(graph: Graph) -> tuple[Figure, ...]:
    counted = complexity(graph)
    return (
        Figure("parameters", counted.params, kind="counted"),
        Figure("multiply-adds", counted.macs, kind="counted", note="per image; FLOPs are twice as many"),
        Figure("weights", counted.weight_bytes, "bytes", "counted", "float32"),
        Figure("activation peak", counted.activation_peak_bytes, "bytes", "counted", "float32, batch 1"),
    )


def front_part(request: RepositoryRequest) -> Iterator[str]:
    """This network among its neighbours on the Pareto front, in the order of the first objective."""
    if not request.front:
        return
    names = [objective["name"] for objective in request.objectives] or sorted(request.front[0].values)
    heads = [markdown(f"{name} ({unit})" if (unit := unit_of(request, name)) else name) for name in names]
    lines = ["## On the Pareto front", "", "None of these is better than another in everything.", ""]
    lines += [f"| candidate | {' | '.join(heads)} |", "|---" * (len(names) + 1) + "|"]
    for point in sorted(request.front, key=lambda point: (point.values.get(names[0], 0.0), point.number)):
        lines.append(f"| {point_name(point)} | {' | '.join(value_of(point, name) for name in names)} |")
    yield "\n".join(lines)


def target_part(request: RepositoryRequest, graph: Graph, exports: tuple[str, ...]) -> Iterator[str]:
    name = request.provenance.get("target")
    if isinstance(name, str) and name:
        yield "\n".join(["## On its target", "", *lines(name, graph, exports)])


def unit_of(request: RepositoryRequest, name: str) -> str:
    return next((each.get("unit", "") for each in request.objectives if each["name"] == name), "")


def point_name(point: Neighbour) -> str:
    return f"**{point.number}, this one**" if point.chosen else str(point.number)


def value_of(point: Neighbour, name: str) -> str:
    value = point.values.get(name)
    return "—" if value is None else number(value)


def number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:,.4g}"


def quick_start(request: RepositoryRequest, exports: tuple[str, ...]) -> str:
    data = " --data DATA" if request.data and request.data_path not in STANDARD else ""
    backend = "" if "onnx" in exports else " --backend torch"
    first = "pip install -r requirements.txt" + ("" if "onnx" in exports else " -r requirements-train.txt")
    return f"""\
## Quick start

```sh
{first}
python inference.py picture.png{backend}          # the likeliest classes; .npy arrays too; --json
pip install -r requirements-train.txt
python -m pytest                          # the repository's own tests
{f"python train.py --smoke{data}":<41} # does the loss fall? seconds
{f"python train.py{data}":<41} # the training of the search, again
python deploy.py verify                   # the certificate, and whether anything has changed
python deploy.py benchmark                # eager, fused, channels last, ONNX, int8
python deploy.py serve                    # POST a picture to http://127.0.0.1:8080/predict
```"""


def data_part(request: RepositoryRequest) -> Iterator[str]:
    """What `--data` takes where the dataset is the user's own: it is no part of the repository."""
    if not request.data or request.data_path in STANDARD:
        return
    name, height, width = str(request.data.get("name", "of the search")), *request.graph.input_shape[1:]
    notes = "".join(f"\n* {markdown(str(note))}" for note in request.data.get("notes", ()))
    yield DATA.format(
        name=markdown(name), size=f"{height}×{width}", rule=RESIZE[str(request.data.get("resize", "crop"))], notes=notes
    )


RESIZE = {
    "crop": "by their middle square",
    "pad": "whole, with black bars where they are not square",
    "stretch": "with their sides stretched",
}
DATA = """\
## Data

The dataset {name} is not part of this repository. Wherever DATA stands above (and for `deploy.py export int8`,
`certify` and `benchmark`), give the file or folder that the search was given:

| DATA | what it holds |
|---|---|
| `FILE.npz` | `x, y` or `x_train, y_train[, x_test, y_test]`; images (N, height, width[, channels]) of {size} |
| `FOLDER` or `FILE.zip` | pictures, one folder per class, or those in `train`, `validation`, `test` |
| `FOLDER` of arrays | `images.npy` (N, channels, height, width), `targets.npy`, each split's rows as `train.npy` … |

Pictures of another size become {size} {rule}, in training and in inference alike. `python data.py DATA` says whether
the splits are those of the search: they follow from the images alone.
{notes}"""


def files_part() -> str:
    return """\
## Files

| file | what it is |
|---|---|
| `model.py` | the network, with named stages; `load()` gives it trained |
| `data.py` | readers of the dataset, its splits, the normalisation |
| `train.py` | training: mixed precision, checkpoints, resume, compile |
| `passes.py` | batch-norm fusion, channels last, activation checkpointing, int8 |
| `inference.py`, `deploy.py`, `serving.py` | classify; export, verify, benchmark; serve |
| `config.json`, `architecture.json` | classes, normalisation, recipe; the network as a graph |
| `weights/`, `exports/` | trained weights; only exports that were executed and agreed |
| `CONSISTENCY.md`, `certificate.py` | what each of them computes, compared; how it was compared |
| `MANIFEST.json` | sha256 of each file, and where the network comes from |"""


def origin(request: RepositoryRequest) -> Iterator[str]:
    rows = [(str(name), plain_value(value)) for name, value in sorted(request.provenance.items())]
    if rows:
        yield from ("## Where it comes from", "", "| | |", "|---|---|")
        yield from (f"| {markdown(name)} | {markdown(text)} |" for name, text in rows)


def plain_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain_value(each)}" for name, each in value.items())
    return ", ".join(map(plain_value, value)) if isinstance(value, (list, tuple)) else str(value)
