"""Turns options in words into a question and its contests; what is wrong with them is said in one sentence."""

import json
import re
from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

import numpy as np

from architectures.options import Reading
from searches import algorithms
from searches.tabular.expression import evaluated
from searches.tabular.replay import Question
from searches.tabular.report import Contest
from searches.tabular.table import Table, TableError

MOST_EVALUATIONS = 1_000_000


def question_of(table: Table, options: Mapping[str, Any]) -> Question:
    """Reads the question from the command's options. Raises TableError where one is missing or out of its bounds."""
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
    """Asks for every column once before anything runs. Raises TableError where a name is wrong or no row has values."""
    if not question.usable.any():
        raise TableError(f"{question.table.name} has no row with values in all columns that are searched on")
    if not np.isfinite(question.reported).any():
        raise TableError(f"the column {question.report!r} of {question.table.name} has no value")
    assert question.reference
    assert question.table.rows


def reference(text: str) -> tuple[str, float]:
    """Reads a reference value, COL=VALUE. Raises TableError where the value is no finite number."""
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = inf
    if not isfinite(number):
        raise TableError(f"--reference is written as COL=VALUE with a number, not {text!r}")
    return name, number


def contests_of(options: Mapping[str, Any]) -> list[Contest]:
    """Reads the algorithms and their options. Raises TableError where an option is written wrongly."""
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
    """Refuses an algorithm that cannot run on a table with these options. Raises TableError where it cannot."""
    if algorithms.needs_training(name):
        raise TableError(f"{name} cannot run on a table: it trains networks of its own; leave it out of --algorithms")
    reading = Reading()
    algorithm = reading.read(algorithms.get(name), settings, name)
    faults = [str(problem) for problem in reading.problems]
    faults += [] if faults else [f"{name}.{field}: {message}" for field, message in algorithm.faults()]
    if faults:
        raise TableError("; ".join(faults))
