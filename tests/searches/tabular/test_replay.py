"""Replay: tables as they are read, costs as they are counted, figures that can be computed by hand."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from searches.tabular.expression import evaluated
from searches.tabular.replay import Question, replay
from searches.tabular.table import Table, TableError, read

ROWS = "code,quality,reported,time,latency\n" + "\n".join(
    f"0{a}{b},{10 * a + b},{100 - 10 * a - b},{1 + a},{1 + a * b}" for a in range(3) for b in range(4)
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(ROWS + "\n")
    return path


@pytest.fixture
def table(file: Path) -> Table:
    return read(file, "code")


def test_codes_keep_their_leading_zeros_and_choices_are_those_seen(table: Table) -> None:
    assert table.codes[0] == "000"
    assert table.letters == (("0",), ("0", "1", "2"), ("0", "1", "2", "3"))


def test_a_compressed_table_is_the_same_table(file: Path, tmp_path: Path, table: Table) -> None:
    packed = tmp_path / "small.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read(packed, "code").columns == table.columns


def test_codes_with_colons_have_positions_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "colons.csv"
    path.write_text("arch,q\n10:2:x,1\n9:2:y,2\n")
    assert read(path, "arch").letters == (("9", "10"), ("2",), ("x", "y"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("code,q\n", "has no rows"),
        ("kode,q\n1,2\n", "has no column 'code'"),
        ("code,q\n1,2,3\n", "has 2 columns, but a row of 3"),
        ("code,q\n12,1\n123,2\n", "must have one length, but have from 2 to 3 positions"),
        ("code,q\n12,1\n12,2\n", "the code '12' occurs twice"),
    ],
)
def test_a_table_that_cannot_be_searched_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        assert read(path, "code").rows


def test_a_cost_is_arithmetic_over_columns(table: Table) -> None:
    assert evaluated("time * 12/200 + -(latency - 1)", table) == pytest.approx(
        table.numbers("time") * 0.06 - (table.numbers("latency") - 1)
    )
    assert (evaluated("2", table) == 2).all()


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "time.real",
        "time[0]",
        "nothing",
        "time ** 99",
        "lambda: 1",
        "'a'",
        "time if 1 else 2",
        "True",
        "(",
    ],
)
def test_anything_else_is_no_cost(table: Table, text: str) -> None:
    with pytest.raises(TableError):
        evaluated(text, table)


def test_a_cost_that_is_not_finite_is_refused(table: Table) -> None:
    with pytest.raises(TableError, match="no finite value in row 1"):
        evaluated("1 / quality", table)


def question(table: Table, **changes: Any) -> Question:
    known: dict[str, Any] = {
        "search_on": "quality",
        "report": "reported",
        "minimise": (),
        "costs": evaluated("time", table),
        "budget": float("inf"),
        "evaluations": 100,
        "references": {},
    }
    return Question(table, **(known | changes))


def test_the_whole_table_is_found_in_the_end(table: Table) -> None:
    found = replay(question(table, minimise=("latency",)), "random_search", {}, 0, 0)
    assert sorted(found.rows) == list(range(12))
    assert found.hypervolume_share == pytest.approx(1.0)
    assert table.codes[found.incumbents[-1]] == "023"


def test_what_is_reported_is_never_searched_on(table: Table) -> None:
    """The reported column falls where the searched one rises: the best found is the worst reported."""
    asked = question(table)
    found = replay(asked, "nsga2", {}, 0, 0)
    assert asked.reported[found.incumbents[-1]] == 100 - 23
    assert asked.optimum == 100


def test_the_budget_is_never_overdrawn(table: Table) -> None:
    found = replay(question(table, budget=7.0), "random_search", {}, 3, 0)
    assert found.costs[-1] <= 7.0
    assert found.costs == tuple(np.cumsum([table.numbers("time")[row] for row in found.rows]).tolist())


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    call_command("replay", *arguments, "--json", "--workers", "1")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_command_prints_one_document(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = command(
        capsys, str(file), "--search-on", "quality", "--report", "reported", "--evaluations", "12", "--repeats", "3",
        "--minimise", "latency", "--reference", "quality=0", "latency=10", "--algorithms", "random_search,nsga2",
    )  # fmt: skip
    assert (document["table"], document["rows"]) == ("small.csv", 12)
    found = document["algorithms"]["nsga2"]
    assert found["repeats"] == 3
    assert found["report_mean"] == 77
    assert found["report_std"] == 0
    assert found["regret_mean"] == 23
    assert found["hypervolume_share_mean"] == pytest.approx(1.0)
    assert found["curve"][-1][1] == 77


def test_the_processes_change_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (str(file), "--search-on", "quality", "--evaluations", "5", "--repeats", "4", "--algorithms", "nsga2")
    alone = command(capsys, *arguments)
    call_command("replay", *arguments, "--json", "--workers", "2")
    together = json.loads(capsys.readouterr().out)
    for document in (alone, together):
        del document["algorithms"]["nsga2"]["cpu_seconds"]
    assert alone == together


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--search-on", "quality"], "say how long to search"),
        (["--search-on", "quality", "--budget", "5"], "--budget needs --cost"),
        (["--search-on", "kwality", "--evaluations", "5"], "has no column 'kwality'"),
        (["--search-on", "quality", "--evaluations", "0"], "--evaluations must be at least 1, but is 0"),
        (["--search-on", "quality", "--evaluations", "5", "--algorithms", "dartz"], "no algorithm is named 'dartz'"),
        (["--search-on", "quality", "--evaluations", "5", "--reference", "quality"], "written as COL=VALUE"),
        (["--search-on", "quality", "--evaluations", "5", "--reference", "time=1"], "which is no objective"),
        (["--search-on", "quality", "--evaluations", "5", "--cost", "0 - time"], "--cost must not be below 0"),
        (
            ["--search-on", "quality", "--evaluations", "5", "--algorithms", "nsga2", "--option", "nsga2.population=1"],
            "nsga2.population: must be at least 2, but is 1",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(file: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        call_command("replay", str(file), *arguments)
    assert caught.value.returncode == 2
