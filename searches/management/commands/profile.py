"""``manage.py profile ARCHITECTURE.json``: what the meters say of a network."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from architectures.ir import json as graph_json
from architectures.ir.graph import Graph
from architectures.ir.verify import GraphError
from profiling import targets
from profiling.meters.backends import NAMES, BackendAbsent
from profiling.profile import Profile, profile

LARGEST_FILE = 16 * 2**20


class Command(BaseCommand):
    help = "Parameters, FLOPs, memory, latency and energy of an architecture, on this machine or for another target."
    requires_system_checks: list[str] = []  # needs no database and no settings of a portal

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("architecture", type=Path, metavar="ARCHITECTURE.json")
        parser.add_argument("--target", default="this_machine", help=f"one of {', '.join(targets.names())}")
        parser.add_argument(
            "--estimate", action="store_true", help="estimate the latency of this machine instead of measuring it"
        )
        parser.add_argument("--backend", default="eager", help="eager, fused, compiled or onnxruntime")
        parser.add_argument("--batch", type=int, default=1, help="images per batch, 1 to 1024")
        parser.add_argument(
            "--peak", action="store_true", help="also measure the peak of memory, in a process of its own"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Profiles an architecture.

        Raises CommandError (exit code 2) where an option is wrong or cannot be measured.
        """
        if options["target"] not in targets.names():
            known = ", ".join(targets.names())
            raise CommandError(f"--target: no target is named {options['target']!r}; there are {known}", returncode=2)
        if options["backend"] not in NAMES:
            raise CommandError(f"--backend: must be one of {', '.join(NAMES)}", returncode=2)
        if not 1 <= options["batch"] <= 1024:
            raise CommandError(f"--batch: must be 1 to 1024, but is {options['batch']}", returncode=2)
        target = targets.get(options["target"])
        measure = bool(target.device) and not options["estimate"]
        if measure and (absence := target.absence()):
            raise CommandError(f"--target: cannot be measured: {absence}", returncode=2)
        graph = read(options["architecture"])
        if measure:
            print("measuring on this machine …", file=sys.stderr)
        try:
            result = profile(
                graph,
                options["target"],
                measure,
                backend=options["backend"],
                batch=options["batch"],
                peak=options["peak"],
            )
        except BackendAbsent as absent:
            raise CommandError(f"--backend: {absent}", returncode=2) from absent
        self.stdout.write(json.dumps(result.to_document(), indent=2) if options["json"] else text(result))


def read(path: Path) -> Graph:
    """Reads a graph from architecture.json.

    Raises CommandError where the file is too long, unreadable or no architecture.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CommandError(f"{path} has more than {LARGEST_FILE:,} bytes; it is no architecture.json", returncode=2)
        return graph_json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}", returncode=2) from error
    except GraphError as error:
        raise CommandError(f"{path} holds no architecture: {error}", returncode=2) from error


def text(result: Profile) -> str:
    lines = [f"{result.fingerprint} on: {result.target.title}"]
    for name, reading in result.readings.items():
        value = f"{reading.value:,}" if isinstance(reading.value, int) else f"{reading.value:.4g}"
        lines.append(f"  {name:<8} {value:>14} {reading.unit:<10} {reading.how}")
    latency = result.readings["latency"]
    if latency.how == "measured":
        raw = "raw " + ", ".join(f"{key} {latency.details[f'raw_{key}_ms']:.3f} ms" for key in ("p50", "p95", "min"))
        steady = latency.details["verdict"] or "steady"
        rate = f"{latency.details['images_per_s']:,.0f} images/s"
        lines.append(
            f"           {raw}; {rate}; {latency.details['backend']}; {latency.details['rounds']} rounds, {steady}"
        )
    files = ", ".join(f"{name} {size:,} bytes" for name, size in result.sizes.items())
    lines.append(f"  files: {files}")
    if result.unfit:
        lines.append(f"  does not fit: {result.unfit}")
    slowest = sorted(result.prediction.nodes, key=lambda node: -node.seconds)[:5]
    lines.append(
        "  slowest by estimate: " + ", ".join(f"{n.name} {n.seconds * 1e6:.0f} µs ({n.bound})" for n in slowest)
    )
    return "\n".join(lines)
