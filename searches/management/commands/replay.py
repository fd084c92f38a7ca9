"""`manage.py replay TABLE`: algorithms against a table of known results, in memory, with exact regret."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from architectures.registry import UnknownName
from nasportal.lib.machine import cores
from searches.tabular.questions import contests_of, question_of
from searches.tabular.replay import Question
from searches.tabular.report import repeated, summary
from searches.tabular.table import TableError, read

BAD_INPUT = 2


class Command(BaseCommand):
    """Replays each algorithm on the table and prints what it found, against the table's optimum."""

    help = "Benchmarks algorithms on a table of known results (csv, csv.gz, parquet) and reports their regret."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A table, its columns, a budget, algorithms."""
        parser.add_argument("table", type=Path)
        parser.add_argument("--code", default="code", metavar="COL", help="column of codes: digits, or a:b:c")
        parser.add_argument(
            "--search-on", required=True, metavar="COL", help="column that the algorithm sees; higher is better"
        )
        parser.add_argument(
            "--report",
            metavar="COL",
            help="column that is reported of the best found (default: the one that is searched on)",
        )
        parser.add_argument(
            "--minimise",
            nargs="+",
            action="extend",
            default=[],
            metavar="COL",
            help="columns to minimise as further objectives",
        )
        parser.add_argument("--reference", nargs="+", action="extend", default=[], metavar="COL=VALUE")
        parser.add_argument("--cost", metavar="EXPR", help="cost per evaluation: arithmetic over columns (default 1)")
        parser.add_argument("--budget", type=float, metavar="SECONDS", help="budget in the unit of --cost")
        parser.add_argument(
            "--evaluations", type=int, metavar="N", help="most evaluations, instead of a budget or in addition"
        )
        parser.add_argument("--algorithms", default="random_search,regularized_evolution,nsga2", metavar="A,B,C")
        parser.add_argument("--option", action="append", default=[], metavar="ALGORITHM.NAME=VALUE")
        parser.add_argument("--repeats", type=int, default=20, metavar="N")
        parser.add_argument("--seed", type=int, default=0, help="seed of the first repeat; the others follow")
        parser.add_argument(
            "--lag",
            type=int,
            default=0,
            help="staleness: a proposal may use results that are at least this many proposals old (default 0)",
        )
        parser.add_argument("--workers", type=int, default=cores(), help="processes (default: one per core)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 done, 2 bad input.

        Raises CommandError with the exit code unless it is 0.
        """
        try:
            table = read(options["table"], options["code"])
            question = question_of(table, options)
            contests = contests_of(options)
            document: dict[str, Any] = {"table": table.name, "rows": len(table.codes), "algorithms": {}}
            for contest in contests:
                with tqdm(total=contest.repeats, desc=contest.name, unit="repeat") as bar:
                    results, seconds = repeated(question, contest, options["workers"], bar.update)
                document["algorithms"][contest.name] = summary(question, results, seconds)
        except (TableError, UnknownName) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        if options["as_json"]:
            print(json.dumps(document, allow_nan=False))
        else:
            print("\n".join(rows_of(document, question)))


def rows_of(document: dict[str, Any], question: Question) -> list[str]:
    """A table for people; the mean's standard error stands behind it."""
    rows = [f"{document['table']}: {document['rows']:,} rows, best {question.report} {question.optimum:g}"]
    rows.append(f"{'algorithm':<24}{'found':>10}{'± std':>9}{'± error':>9}{'regret':>9}{'volume':>9}{'CPU s':>9}")
    for name, found in document["algorithms"].items():
        if "reason" in found:
            rows.append(f"{name:<24}{found['reason']}")
            continue
        rows.append(
            f"{name:<24}{found['report_mean']:>10.3f}{found['report_std']:>9.3f}{found['report_standard_error']:>9.3f}"
            f"{found['regret_mean']:>9.3f}{found['hypervolume_share_mean']:>9.4f}{found['cpu_seconds']:>9.1f}"
        )
    return rows
