"""`manage.py sample`: random architectures of a search space as files. No database, no server."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from architectures import spaces
from architectures.ir import json as graph_json
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint
from architectures.options import options
from architectures.registry import UnknownName
from architectures.spaces import Genotype, Space, SpaceError
from architectures.spaces.limits import COUNTED, PRESETS, Limits
from architectures.spaces.reach import unreachable
from searches.management.flags import reader

BAD_INPUT = 2
LIMITS = {each.name: each for each in options(Limits) if each.name in COUNTED}


class Command(BaseCommand):
    """The n-th network depends on the seed and n only; with limits, all networks keep them."""

    help = "Writes random architectures of a search space, each as a file that can be imported."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--space", default="chain", help=f"one of {', '.join(spaces.names())} (default chain)")
        parser.add_argument("--count", type=int, default=1, help="how many (default 1)")
        parser.add_argument("--seed", type=int, default=0, help="default 0")
        parser.add_argument("--input", default="1x8x8", metavar="C×H×W", help="channels, height, width (default 1x8x8)")
        parser.add_argument("--classes", type=int, default=10, help="default 10")
        parser.add_argument("--space-option", action="append", default=[], metavar="NAME=VALUE", help="JSON or text")
        parser.add_argument("--preset", choices=sorted(PRESETS), help="constraints of a class of devices")
        for name, each in LIMITS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=reader(each), metavar="N", help=each.help)
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document about them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 done, 2 bad input, 3 nothing within the limits.

        Raises CommandError with the exit code unless it is 0.
        """
        try:
            space = _space(options)
            limits = _limits(options)
            if problems := unreachable(space, limits):
                raise CommandError("; ".join(map(str, problems)), returncode=3)
            rows = [_write(space, limits, number, options) for number in range(_count(options["count"]))]
        except (SpaceError, UnknownName, OSError) as error:
            raise CommandError(str(error), returncode=3 if getattr(error, "field", "") == "limits" else 2) from error
        if options["as_json"]:
            document = {"space": space.name, "options": space.options, "size": space.size, "architectures": rows}
            self.stdout.write(json.dumps(document, allow_nan=False))


def _count(count: int) -> int:
    if not 1 <= count <= 100_000:
        raise CommandError(f"--count must be between 1 and 100,000, but is {count}", returncode=BAD_INPUT)
    return count


def _space(options: dict[str, Any]) -> Space:
    chosen = {}
    for text in options["space_option"]:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"--space-option must be NAME=VALUE, but is {text!r}", returncode=BAD_INPUT)
        try:
            chosen[name] = json.loads(value)
        except json.JSONDecodeError:
            chosen[name] = value
    return spaces.create(options["space"], _shape(options["input"]), options["classes"], **chosen)


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace("×", "x").lower().split("x"))
    except ValueError:
        message = f"--input must be channels, height and width such as 1x8x8, but is {text!r}"
        raise CommandError(message, returncode=BAD_INPUT) from None


def _limits(given: dict[str, Any]) -> Limits:
    preset = PRESETS[given["preset"]] if given["preset"] else Limits()
    return replace(preset, **{name: given[name] for name in LIMITS if given[name] is not None})


def _write(space: Space, limits: Limits, number: int, options: dict[str, Any]) -> dict[str, Any]:
    genotype: Genotype = space.sample(Random(f"{options['seed']}/{number}"), limits)
    graph = space.decode(genotype)
    origin = {"space": space.name, "options": space.options, "genotype": list(genotype)}
    path = options["out"] / f"architecture-{number:05}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(graph_json.dumps(graph, origin) + "\n", encoding="utf-8")
    print(f"{path}: {space.describe(genotype)}", file=sys.stderr)
    counts = complexity(graph)
    return {
        "path": str(path),
        "fingerprint": fingerprint(graph),
        "genotype": list(genotype),
        "params": counts.params,
        "macs": counts.macs,
        "memory_bytes": counts.activation_peak_bytes,
    }
