"""Export the network, prove that every export computes the same, measure it, and serve it over HTTP."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import certificate
import serving
from data import DataError, open_data
from inference import EXPORTS, BackendError

ROOT = Path(__file__).parent
CALIBRATION_IMAGES = 512


def export_onnx(data: str | None) -> Path:
    """ONNX with a free batch size, by torch's exporter."""
    import torch

    from model import INPUT_SHAPE, load

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        load(),
        (torch.zeros(2, *INPUT_SHAPE),),
        dynamo=True,
        dynamic_shapes=({0: batch},),
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    assert program is not None
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with the folders of this machine
    EXPORTS["onnx"].parent.mkdir(exist_ok=True)
    program.save(EXPORTS["onnx"])
    return EXPORTS["onnx"]


def export_int8(data: str | None) -> Path:
    """Static int8, calibrated on training images."""
    from data import normalise
    from passes import quantise

    if not EXPORTS["onnx"].exists():
        export_onnx(data)
    images, _ = open_data(data).split("train")
    step = max(1, len(images) // CALIBRATION_IMAGES)  # spread over the whole split: it may be sorted by class
    quantise(EXPORTS["onnx"], EXPORTS["int8"], normalise(images[::step][:CALIBRATION_IMAGES]))
    return EXPORTS["int8"]


def export_pt2(data: str | None) -> Path:
    """torch.export with a free batch size; `torch.export.load(path).module()` runs it."""
    import io

    import torch

    from model import INPUT_SHAPE, load

    program = torch.export.export(
        load(), (torch.zeros(2, *INPUT_SHAPE),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # the folders of this machine
    program._example_inputs = None  # they would be stored as a pickle
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    path = ROOT / "exports" / "model.pt2"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path


EXPORTERS: dict[str, Callable[[str | None], Path]] = {"onnx": export_onnx, "int8": export_int8, "pt2": export_pt2}


def exporters() -> dict[str, Callable[[str | None], Path]]:
    """Those above, and one for each folder of exports/ with a run.py."""
    return EXPORTERS | {name: certificate.program(name).export for name in certificate.programs()}


def export(chosen: argparse.Namespace) -> int:
    for name in chosen.formats:
        path = exporters()[name](chosen.data)
        print(f"{name}: {path.relative_to(ROOT)}, {path.stat().st_size:,} bytes")
    return 0


def row(chosen: argparse.Namespace) -> int:
    """One export's line of the certificate, as JSON."""
    print(json.dumps(certificate.examined(chosen.name, certificate.artefacts()[chosen.name], None)))
    return 0


def certify(chosen: argparse.Namespace) -> int:
    document = certificate.certify(chosen.data, renew=chosen.renew)
    print(certificate.as_markdown(document))
    return 0 if document["verdict"] == "passed" else 1


def verify(chosen: argparse.Namespace) -> int:
    """The certificate, then what differs from it; exit 1 if anything that computes has changed."""
    print((ROOT / "CONSISTENCY.md").read_text(encoding="utf-8"))
    faults, notes = certificate.faults(), certificate.notes()
    for line in notes:
        print(f"note: {line}")
    for line in faults:
        print(f"FAULT: {line}")
    print("verdict: " + ("failed" if faults else "passed"))
    return 1 if faults else 0


def benchmark(chosen: argparse.Namespace) -> int:
    from benchmarks.bench import as_table, measure

    document = measure(chosen.rounds, chosen.threads, chosen.batch, chosen.data, chosen.compile)
    if chosen.save:
        text = json.dumps(document, indent=1) + "\n"
        (ROOT / "benchmarks" / "results.json").write_text(text, encoding="utf-8")
    print(json.dumps(document, indent=1) if chosen.json else as_table(document))
    return 0


def serve(chosen: argparse.Namespace) -> int:
    serving.serve(chosen.host, chosen.port, chosen.backend)
    return 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(action=action)
        return added

    for_data: dict[str, Any] = {"help": "the dataset, as for train.py"}
    chosen = command("export", export, "Write exports anew from weights/model.safetensors.")
    chosen.add_argument("formats", nargs="+", choices=list(exporters()))
    chosen.add_argument("--data", **for_data)
    chosen = command("certify", certify, "Compare each export with the golden logits, and write the certificate.")
    chosen.add_argument("--data", **for_data)
    chosen.add_argument("--renew", action="store_true", help="new golden logits: after training it again")
    chosen = command("row", row, "Compare one export with the golden logits; its line of the certificate as JSON.")
    chosen.add_argument("name", choices=list(exporters()))
    chosen.add_argument("--data", **for_data)
    command("verify", verify, "Check files and results against manifest and certificate; exit 1 if they differ.")
    chosen = command("benchmark", benchmark, "Latency: eager, fused, channels last, ONNX, int8, in interleaved rounds.")
    chosen.add_argument("--rounds", type=int, default=50)
    chosen.add_argument("--threads", type=int, default=1)
    chosen.add_argument("--batch", type=int, default=1)
    chosen.add_argument("--data", **for_data)
    chosen.add_argument("--compile", action="store_true", help="measure torch.compile too; it takes a minute")
    chosen.add_argument("--json", action="store_true", help="one JSON document on stdout")
    chosen.add_argument("--save", action="store_true", help="keep it as benchmarks/results.json")
    chosen = command("serve", serve, "A small HTTP server: POST a picture to /predict.")
    chosen.add_argument("--host", default="127.0.0.1")
    chosen.add_argument("--port", type=int, default=8080)
    chosen.add_argument("--backend", default="onnx", choices=[*EXPORTS, "torch"])
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    chosen = arguments(argv)
    try:
        return int(chosen.action(chosen))
    except (DataError, BackendError, OSError, ImportError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
