"""``manage.py dataset NAME|PATH``: a dataset as a search will see it; ``--fetch`` gets its official files."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from searches.evaluation import datasets
from searches.evaluation.datasets.downloads import fetch
from searches.evaluation.datasets.registry import datasets as registry


class Command(BaseCommand):
    help = (
        "Prints sizes, classes, splits, normalisation and hashes of a dataset; without a name, lists the built-in ones."
    )
    requires_system_checks: list[str] = []  # needs no database and no settings of a portal

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", nargs="?", metavar="NAME|FILE.npz|FOLDER|FILE.zip")
        parser.add_argument("--fetch", action="store_true", help="download the official files of a built-in dataset")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Shows or fetches datasets. Raises CommandError (exit code 2) where one cannot be read."""
        name = options["dataset"]
        try:
            if name is None:
                self.stdout.write(self.table(options["json"]))
                return
            if options["fetch"]:
                self.fetch(name)
            card = datasets.open(name).card()
        except (datasets.DataSetError, OSError) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(card, indent=2) if options["json"] else text(card))

    def table(self, as_json: bool) -> str:
        found = {
            name: {"title": datasets.describe(name), "absence": datasets.absence(name)} for name in datasets.names()
        }
        if as_json:
            return json.dumps(found, indent=2)
        return "\n".join(
            f"{name:<14} {facts['title']}{' (not on this machine)' if facts['absence'] else ''}"
            for name, facts in found.items()
        )

    def fetch(self, name: str) -> None:
        """Downloads a dataset's official files. Raises DataSetError where it has none."""
        files = getattr(registry.get(name), "files", ()) if name in datasets.names() else ()
        if not files:
            raise datasets.DataSetError(f"{name} has no official files to fetch")
        fetch(name, files, show)


def show(file: str, have: int, total: int) -> None:
    share = f"{have / total:4.0%}" if total else ""
    print(f"\r{file} {have / 2**20:,.1f} MiB {share}", end="\n" if have == total else "", file=sys.stderr, flush=True)


def text(card: dict[str, Any]) -> str:
    sizes = ", ".join(f"{split} {size:,}" for split, size in card["sizes"].items())
    shape = "×".join(map(str, card["input_shape"]))
    lines = [
        f"{card['name']} ({card['source']})",
        f"  input {shape}, {card['classes']} classes: {', '.join(card['labels'][:10])}",
        f"  images {sizes}; duplicates across splits: {card['duplicates_across_splits']}",
        f"  sha256 {card['sha256']}",
        f"  splits {card['split_sha256']}",
    ]
    return "\n".join([*lines, *(f"  note: {note}" for note in card["notes"])])
