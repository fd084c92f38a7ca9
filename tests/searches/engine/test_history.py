"""Lines, canonical text, hash; and the folder of a search on the command line."""

from pathlib import Path
from typing import Any

import pytest

from searches.engine import events
from searches.engine.history import HistoryError, canonical, dumps, history_sha256, line, lines_sha256, read
from searches.engine.output.run_directory import SearchFolder

HEADER = {"version": 1, "spec": {"seed": 1}, "data": {"sha256": "d"}, "machine": {"kind": "here", "torch": "2"}}


def finished(number: int = 0, **changes: Any) -> events.EvaluationFinished:
    known: dict[str, Any] = {
        "number": number,
        "fidelity": 5,
        "fingerprint": "f" * 8,
        "genotype": (1, 2),
        "parents": (),
        "change": "drawn at random",
        "values": {"accuracy": 0.1 + 0.2},
        "status": "done",
        "reason": "",
        "timing": {"seconds": 1.5},
        "curve": [[1, 0.5, 0.9]],
        "files": {"weights": {"path": "weights/f.safetensors", "sha256": "0"}},
    }
    return events.EvaluationFinished(**(known | changes))


def test_time_machine_and_files_change_no_hash() -> None:
    here = history_sha256([line(finished())], HEADER)
    elsewhere = line(finished(timing={"seconds": 99.0}, files={}))
    assert history_sha256([elsewhere], HEADER | {"machine": {"kind": "there", "torch": "3"}}) == here
    assert history_sha256([line(finished(change="x"))], HEADER) != here
    assert history_sha256([line(finished())], HEADER | {"spec": {"seed": 2}}) != here


def test_the_hash_of_canonical_texts_is_the_hash_of_the_lines() -> None:
    entries = [line(finished(number)) for number in range(3)]
    assert lines_sha256([canonical(entry) for entry in entries], HEADER) == history_sha256(entries, HEADER)


def test_a_history_survives_its_file() -> None:
    entries = [line(finished(number)) for number in range(3)]
    text = "".join(dumps(entry) + "\n" for entry in (HEADER, *entries))
    assert read(text) == (HEADER, entries)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no complete header line"),
        ('{"version":2}\n', "has version 2, but this program reads 1"),
        ('{"version":1}\nnonsense\n', "line 2 of history.jsonl is not JSON"),
        ('{"version":1}\n[]\n', "line 2 of history.jsonl is not a JSON object"),
        ('{"version":1}\n{"number":1}\n', "line 2 of history.jsonl lacks change"),
    ],
)
def test_a_file_that_is_no_history_is_refused(text: str, message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        read(text)


def test_lines_that_changed_places_are_refused() -> None:
    text = "".join(dumps(entry) + "\n" for entry in (HEADER, line(finished(2)), line(finished(1))))
    with pytest.raises(HistoryError, match="not ordered by number and fidelity"):
        read(text)


def test_a_line_that_a_kill_cut_off_is_cut_from_the_file(tmp_path: Path) -> None:
    folder = SearchFolder.new(tmp_path)
    folder.begin(HEADER)
    folder.accept(finished(0))
    whole = (tmp_path / "history.jsonl").read_text()
    (tmp_path / "history.jsonl").write_text(whole + '{"number":1,"fide')
    resumed = SearchFolder.resumed(tmp_path)
    assert [entry["number"] for entry in resumed.lines] == [0]
    assert (tmp_path / "history.jsonl").read_text() == whole


def test_a_folder_holds_one_search(tmp_path: Path) -> None:
    SearchFolder.new(tmp_path).begin(HEADER)
    with pytest.raises(HistoryError, match="already holds a search; continue it with --resume"):
        SearchFolder.new(tmp_path)
    with pytest.raises(HistoryError, match="holds no search"):
        SearchFolder.resumed(tmp_path / "none")


def test_another_machine_is_told_and_other_data_refused(tmp_path: Path) -> None:
    SearchFolder.new(tmp_path).begin(HEADER)
    assert SearchFolder.resumed(tmp_path).begin(HEADER) == ""
    assert "bit for bit" in SearchFolder.resumed(tmp_path).begin(HEADER | {"machine": {"kind": "there"}})
    newer = SearchFolder.resumed(tmp_path).begin(HEADER | {"machine": HEADER["machine"] | {"portal": "9.9"}})
    assert (
        "began under an earlier version of the portal and continues under 9.9: its history hash is no longer" in newer
    )
    with pytest.raises(HistoryError, match="searched with other data"):
        SearchFolder.resumed(tmp_path).begin(HEADER | {"data": {"sha256": "e"}})


def test_a_very_long_curve_is_thinned_to_fit_the_pipe() -> None:
    curve = [[epoch, 1 / 3 + epoch, 2 / 3] for epoch in range(5000)]
    written = events.line(finished(curve=curve))
    assert len(written) <= events.MAX_LINE
    assert written.endswith(b"\n")


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(events.UnknownEvent, match="no event is of the kind 'Nothing'"):
        events.from_document({"kind": "Nothing"})
    with pytest.raises(events.UnknownEvent, match="the document of a PhaseChanged is incomplete"):
        events.from_document({"kind": "PhaseChanged"})


def test_what_a_later_version_added_is_left_out() -> None:
    assert events.from_document({"kind": "PhaseChanged", "phase": "code", "mood": 1}) == events.PhaseChanged("code")
