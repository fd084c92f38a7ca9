"""``manage.py dataset``."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.searches.evaluation.worlds import images, npz


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("dataset", *arguments, stdout=out)
    return out.getvalue()


def test_it_shows_a_built_in_set() -> None:
    printed = run("digits")
    assert "input 1×8×8, 10 classes: 0, 1, 2" in printed
    assert "train 1,079, validation 359, test 359; duplicates across splits: 0" in printed


def test_it_prints_the_card_of_a_file(tmp_path: Path) -> None:
    x, y = images(60)
    card = json.loads(run(str(npz(tmp_path / "a.npz", x=x, y=y)), "--json"))
    assert card["class_counts"]["test"] == [4, 4, 4]


def test_it_lists_the_built_in_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_DATA", str(tmp_path))
    printed = run()
    assert "CIFAR-10: 60,000 natural images of 10 classes, 32×32 RGB (not on this machine)" in printed
    assert "digits         Digits of scikit-learn: 1,797 handwritten digits, 8×8 grey\n" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digit"], "did you mean 'digits'?"),
        (["cifar10"], "is not on this machine; fetch it with"),
        (["digits", "--fetch"], "digits has no official files to fetch"),
        (["no/such.npz"], "there is no file or folder 'no/such.npz'"),
    ],
)
def test_bad_input_ends_with_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASPORTAL_DATA", str(tmp_path))
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    assert message in str(refusal.value)
    assert refusal.value.returncode == 2
