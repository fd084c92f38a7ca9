"""A data folder that the portal of the previous head has written: it opens, it shows its runs, and they go on."""

import json
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from searches.engine import history
from tests.previous.packing import DATA, DATABASE, EMPTIED, FACTS, LEFT_OUT, rows, unpack
from tests.previous.process import told
from tests.previous.searched import history_text

KEPT: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
MOST_BYTES = 10**6


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a portal in a process of its own saw: its database is the unpacked one."""
    data = tmp_path_factory.mktemp("data")
    unpack(data)
    return told("open", data)


def test_the_archive_is_small_and_holds_nothing_that_is_secret(tmp_path: Path) -> None:
    unpack(tmp_path)
    names = {path.name for path in tmp_path.rglob("*")}
    assert DATA.stat().st_size <= MOST_BYTES
    assert not names & {*LEFT_OUT}
    assert not [name for name in names if name.endswith(".log")]
    assert {table: rows(tmp_path / DATABASE, table) for table in EMPTIED} == dict.fromkeys(EMPTIED, 0)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_every_page_of_the_previous_head_opens(opened: dict[str, Any], moment: str) -> None:
    broken = {address: status for address, (status, _) in opened[moment].items() if status != HTTPStatus.OK}
    assert len(opened[moment]) > 20
    assert broken == {}


@pytest.mark.parametrize("run", ["finished", "paused"])
@pytest.mark.parametrize("page", ["/runs/{pk}/", "/runs/{pk}/candidates/", "/api/v1/runs/{pk}/", "/"])
def test_a_run_of_the_previous_head_is_shown_by_its_name(opened: dict[str, Any], run: str, page: str) -> None:
    _, content = opened["before"][page.format(**KEPT[run])]
    assert KEPT[run]["name"] in content


def test_the_runs_of_the_previous_head_are_in_the_state_that_they_were_left_in(opened: dict[str, Any]) -> None:
    shown = {run: json.loads(opened["before"][f"/api/v1/runs/{KEPT[run]['pk']}/"][1]) for run in ("finished", "paused")}
    assert {run: each["status"] for run, each in shown.items()} == {"finished": "finished", "paused": "paused"}
    assert shown["finished"]["history_sha256"] == KEPT["finished"]["history_sha256"]


def test_what_people_added_in_the_previous_head_is_shown(opened: dict[str, Any]) -> None:
    _, run = opened["before"]["/runs/{pk}/".format(**KEPT["finished"])]
    _, templates = opened["before"][f"/projects/{KEPT['project']['slug']}/templates/"]
    _, replay = opened["before"][f"/replays/{KEPT['replay']}/"]
    assert "<strong>finished</strong> run of the previous head" in run
    assert KEPT["finished"]["tag"] in run
    assert KEPT["project"]["template"] in templates
    assert "4 of 4 repeats" in replay


@pytest.mark.parametrize("run", ["finished", "paused"])
def test_the_history_that_is_downloaded_has_the_hash_of_the_previous_head(opened: dict[str, Any], run: str) -> None:
    _, content = opened["after"]["/runs/{pk}/history.jsonl".format(**KEPT[run])]
    text = history_text(*history.read(content))
    assert sha256(text.encode()).hexdigest() == KEPT[run]["history_sha256"]


def test_a_paused_run_of_the_previous_head_resumes_to_the_same_history(opened: dict[str, Any]) -> None:
    assert opened["outcome"] == "FINISHED"
    assert opened["hashes"][KEPT["paused"]["name"]] == KEPT["paused"]["history_sha256"]
    assert opened["faults"] == []


def test_the_paused_run_was_really_half_way(opened: dict[str, Any]) -> None:
    address = "/runs/{pk}/history.jsonl".format(**KEPT["paused"])
    before, after = (opened[moment][address][1].splitlines()[1:] for moment in ("before", "after"))
    assert len(before) == KEPT["paused"]["results"]
    assert len(before) < len(after)
