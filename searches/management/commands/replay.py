"""`manage.py replay TABLE`: algorithms against a table of known results, in memory, with exact regret."""

import json
import re
from argparse import ArgumentParser
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from architectures.registry import UnknownName
from searches import algorithms
from searches.machine import cores
from searches.reading import Reading
from searches.replay.expression import evaluated
from searches.replay.report import Contest, repeated, summary
from searches.replay.run import Question
from searches.replay.table import Table, TableError, read

BAD_INPUT = 2
MOST_EVALUATIONS = 1_000_000


class Command(BaseCommand):
    """Replays each algorithm on the table and prints what it found, against the table's optimum."""

    help = "Runs algorithms on a table of known results (csv, csv.gz, parquet) and tells their regret."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A table, its columns, a budget, algorithms."""
        parser.add_argument("table", type=Path)
        parser.add_argument("--code", default="code", metavar="COL", help="column of codes: digits, or a:b:c")
        parser.add_argument("--search-on", required=True, metavar="COL", help="what an algorithm sees; more is better")
        parser.add_argument("--report", metavar="COL", help="value of the best found (default: what is searched on)")
        parser.add_argument("--minimise", nargs="+", action="extend", default=[], metavar="COL", help="more objectives")
        parser.add_argument("--reference", nargs="+", action="extend", default=[], metavar="COL=VALUE")
        parser.add_argument("--cost", metavar="EXPR", help="of an evaluation: arithmetic over columns (default 1)")
        parser.add_argument("--budget", type=float, metavar="SECONDS", help="in the unit of --cost")
        parser.add_argument("--evaluations", type=int, metavar="N", help="instead of, or beside, a budget")
        parser.add_argument("--algorithms", default="random_search,regularized_evolution,nsga2", metavar="A,B,C")
        parser.add_argument("--option", action="append", default=[], metavar="ALGORITHM.NAME=VALUE")
        parser.add_argument("--repeats", type=int, default=20, metavar="N")
        parser.add_argument("--seed", type=int, default=0, help="of the first repeat; the others follow")
        parser.add_argument("--lag", type=int, default=0, help="numbers between a result and its first use (default 0)")
        parser.add_argument("--workers", type=int, default=cores(), help="processes (default: one a core)")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 done, 2 bad input."""
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


def question_of(table: Table, options: dict[str, Any]) -> Question:
    for name, least in (("repeats", 1), ("lag", 0), ("workers", 1)):
        if options[name] < least:
            raise TableError(f"--{name} must be at least {least}, but is {options[name]}")
    budget, evaluations = options["budget"], options["evaluations"]
    if budget is None and evaluations is None:
        raise TableError("say how long to search: --budget SECONDS with --cost EXPR, or --evaluations N")
    if budget is not None and options["cost"] is None:
        raise TableError("--budget needs --cost EXPR, what one evaluation costs; or give --evaluations N")
    if budget is not None and not (isfinite(budget) and budget > 0):
        raise TableError(f"--budget must be a number above 0, but is {budget}")
    if evaluations is not None and evaluations < 1:
        raise TableError(f"--evaluations must be at least 1, but is {evaluations}")
    costs = evaluated(options["cost"] or "1", table)
    if (costs < 0).any():
        raise TableError(f"--cost must not be below 0, but is {costs.min():g} in row {int(np.argmin(costs)) + 1}")
    question = Question(
        table,
        options["search_on"],
        options["report"] or options["search_on"],
        tuple(options["minimise"]),
        costs,
        inf if budget is None else budget,
        MOST_EVALUATIONS if evaluations is None else evaluations,
        dict(reference(text) for text in options["reference"]),
    )
    check(question)
    return question


def check(question: Question) -> None:
    """Asks for every column once, so that a wrong name is told before anything runs."""
    if not question.usable.any():
        raise TableError(f"{question.table.name} has no row with a value in all of the columns that are searched on")
    if not np.isfinite(question.reported).any():
        raise TableError(f"the column {question.report!r} of {question.table.name} has no value")
    assert question.reference
    assert question.table.rows


def reference(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = inf
    if not isfinite(number):
        raise TableError(f"--reference is written as COL=VALUE with a number, not {text!r}")
    return name, number


def contests_of(options: dict[str, Any]) -> list[Contest]:
    names = [name.strip() for name in options["algorithms"].split(",")]
    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    for text in options["option"]:
        match = re.fullmatch(r"(\w+)\.(\w+)=(.*)", text)
        if match is None or match[1] not in settings:
            raise TableError(
                f"--option is written as ALGORITHM.NAME=VALUE, for one of {', '.join(names)}; not {text!r}"
            )
        settings[match[1]][match[2]] = parsed(match[3])
    for name in names:
        checked(name, settings[name])
    return [Contest(name, settings[name], options["repeats"], options["seed"], options["lag"]) for name in names]


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def checked(name: str, settings: dict[str, Any]) -> None:
    if algorithms.needs_training(name):
        raise TableError(f"{name} cannot run on a table: it trains networks of its own; leave it out of --algorithms")
    reading = Reading()
    algorithm = reading.read(algorithms.get(name), settings, name)
    faults = [str(problem) for problem in reading.problems]
    faults += [] if faults else [f"{name}.{field}: {message}" for field, message in algorithm.faults()]
    if faults:
        raise TableError("; ".join(faults))


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
