"""The vote: one count for the engine, the page, the API and the command line."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import call_command

from searches.algorithms import Ballot
from searches.engine import selection as engine
from searches.pareto import ChoiceError, borda, front, vote
from searches.selectors import selection as page
from tests.support import formula_engine

NAMES = ["accuracy", "params", "latency"]


def entry(number: int, *values: float) -> dict[str, Any]:
    return {
        "number": number,
        "fingerprint": f"{number * 7919 % 10007:x}",
        "values": dict(zip(NAMES, values, strict=True)),
    }


def test_borda_by_hand() -> None:
    assert borda([["a", "b", "c"], ["b", "c", "a"]]) == {"a": 2, "b": 3, "c": 1}


def test_numbers_that_left_the_front_are_skipped() -> None:
    found = vote([entry(1, 0.8, 1.0, 1.0), entry(2, 0.9, 2.0, 2.0)], NAMES, [[9, 2, 1], []])
    assert (found.chosen["number"], found.rankings, found.points, found.ballots) == (2, ((2, 1), ()), 1, 1)


def test_where_all_abstain_the_knee_is_taken() -> None:
    members = [entry(1, 0.5, 1.0, 1.0), entry(2, 0.9, 2.0, 2.0), entry(3, 0.91, 9.0, 9.0)]
    found = vote(members, NAMES, [[], [8]])
    assert (found.chosen["number"], found.points) == (2, None)


def test_nothing_cannot_be_voted_on() -> None:
    with pytest.raises(ChoiceError, match="the front is empty"):
        vote([], NAMES, [[1]])


def test_page_and_engine_agree_on_500_fronts() -> None:
    """Some voters rank, some abstain, and in every fourth front all of them abstain."""
    for seed in range(500):
        random = Random(seed)
        drawn = [entry(number, *(round(random.random(), 1) for _ in NAMES)) for number in range(random.randint(1, 12))]
        members = [
            drawn[at]
            for at in front([(-each["values"]["accuracy"], *list(each["values"].values())[1:]) for each in drawn])
        ]
        numbers = [each["number"] for each in members]
        ballots = [
            Ballot(
                f"voter {at}",
                tuple(random.sample(numbers, len(numbers))) if seed % 4 and random.random() < 0.6 else (),
                "x",
            )
            for at in range(4)
        ]
        told = [{"voter": each.voter, "ranking": list(each.ranking), "reason": each.reason} for each in ballots]
        assert page.voted(members, NAMES, told)[0]["number"] == engine.voted(members, NAMES, ballots)[0]


def test_the_command_line_and_the_page_choose_the_same_of_a_search_in_which_all_abstain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", formula_engine.COMMAND)
    options = "--dataset digits --algorithm random_search --evaluations 8 --seed 3 --objectives accuracy,params"
    out = tmp_path / "out"
    call_command("search", *options.split(), "--choose", "vote", "--no-repository", "--out", str(out), "--workers", "1")
    found = json.loads((out / "front.json").read_text())
    chosen, words = page.voted(found["front"], found["spec"]["objectives"], [])
    assert chosen["number"] == found["chosen"]
    assert engine.ALL_ABSTAINED in found["reasons"]
    assert words == ["no ballot was cast, so the knee is selected"]
