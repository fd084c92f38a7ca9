"""A replay in the background: `python -m searches.tabular FOLDER` answers the question of FOLDER/question.json.

Each repeat is a line of results.jsonl, so a job that was killed goes on behind the last whole line. figures.json holds
what is known so far; it is written every few seconds and at the end.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from architectures.registry import UnknownName
from searches.tabular.questions import contests_of, question_of
from searches.tabular.replay import Question, Replayed
from searches.tabular.report import Contest, summary, timed
from searches.tabular.table import TableError, read

QUESTION, RESULTS, FIGURES = "question.json", "results.jsonl", "figures.json"
BAD_INPUT = 2
WRITE_SECONDS = 2.0
Known = dict[tuple[str, int], tuple[Replayed, float]]  # by algorithm and seed, with CPU seconds


def work(folder: Path) -> int:
    """Exit code 0 done, 2 where the question has no answer; figures.json then says why."""
    options = json.loads((folder / QUESTION).read_text())
    try:
        table = read(Path(options["table"]), options["code"])
        question, contests = question_of(table, options), contests_of(options)
    except (TableError, UnknownName) as error:
        write(folder, {"reason": str(error)})
        return BAD_INPUT
    known = kept(folder, question)
    parent, written = os.getppid(), 0.0
    with (folder / RESULTS).open("a", encoding="utf-8") as results:
        for contest, seed in waiting(contests, known):
            found, seconds = known[contest.name, seed] = timed(question, contest, seed)
            results.write(line(contest.name, seed, found, seconds) + "\n")
            results.flush()
            if os.getppid() != parent:  # nobody waits for it any more
                return 0
            if time.monotonic() - written > WRITE_SECONDS:
                write(folder, figures(question, contests, known))
                written = time.monotonic()
    write(folder, figures(question, contests, known))
    return 0


def waiting(contests: list[Contest], known: Known) -> Iterator[tuple[Contest, int]]:
    """Repeat by repeat, so that the algorithms' figures grow side by side."""
    for repeat in range(contests[0].repeats):
        for contest in contests:
            if (contest.name, contest.seed + repeat) not in known:
                yield contest, contest.seed + repeat


def line(name: str, seed: int, found: Replayed, seconds: float) -> str:
    document = {
        "algorithm": name,
        "seed": seed,
        "seconds": seconds,
        "rows": found.rows,
        "share": found.hypervolume_share,
    }
    counts = {"incumbents": found.incumbents, "duplicates": found.duplicates, "refused": found.refused}
    return json.dumps(document | counts)


def kept(folder: Path, question: Question) -> Known:
    """The whole lines of an earlier life of this job; a last one that was cut off is taken away."""
    path = folder / RESULTS
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    path.write_text(whole, encoding="utf-8")
    documents = [json.loads(each) for each in whole.splitlines()]
    return {(each["algorithm"], each["seed"]): (replayed(each, question), each["seconds"]) for each in documents}


def replayed(document: Mapping[str, Any], question: Question) -> Replayed:
    rows = tuple(document["rows"])
    costs = tuple(np.cumsum(question.costs[list(rows)]).tolist())
    counts = document["duplicates"], document["refused"]
    return Replayed(rows, costs, tuple(document["incumbents"]), document["share"], *counts)


def figures(question: Question, contests: list[Contest], known: Known) -> dict[str, Any]:
    """Returns what a page shows, as `replay --json` prints it, with how much is done."""
    algorithms = {}
    for contest in contests:
        done = [known[contest.name, seed] for seed in seeds(contest) if (contest.name, seed) in known]
        if done:
            seconds = sum(spent for _, spent in done)
            algorithms[contest.name] = summary(question, [result for result, _ in done], seconds)
    return {
        "table": question.table.name,
        "rows": len(question.table.codes),
        "optimum": question.optimum,
        "done": len(known),
        "total": sum(contest.repeats for contest in contests),
        "algorithms": algorithms,
    }


def seeds(contest: Contest) -> range:
    return range(contest.seed, contest.seed + contest.repeats)


def write(folder: Path, document: Mapping[str, Any]) -> None:
    """Whole or not at all: a page may read it at any moment."""
    aside = folder / f"{FIGURES}.new"
    aside.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    aside.replace(folder / FIGURES)
