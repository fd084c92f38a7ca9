"""The README is true: its tables are what is registered, its commands exist."""

import re
import subprocess
import sys

from django.core.management import get_commands

from tests.readme import README, renewed

TEXT = README.read_text()


def test_its_tables_name_all_that_is_registered() -> None:
    assert renewed(TEXT) == TEXT, "renew them: python -m tests.readme"


def test_its_management_commands_exist() -> None:
    named = set(re.findall(r"manage\.py (\w+)", TEXT))
    assert len(named) > 5
    assert named <= set(get_commands())


def test_its_make_targets_exist() -> None:
    named = {
        word for line in re.findall(r"^make (.+)$", TEXT, re.M) for word in re.split(r"[\s#].*=|\s+", line) if word
    }
    makefile = (README.parent / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    assert {word for word in named if word.isalpha() and word.islower()} <= targets


def test_the_search_that_it_shows_is_understood() -> None:
    command = next(line for line in TEXT.splitlines() if "manage.py search --dataset" in line)
    options = command.split("manage.py search ")[1].replace("--evaluations 24", "--evaluations 0").split()
    manage = str(README.parent / "manage.py")
    done = subprocess.run([sys.executable, manage, "search", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "evaluations" in done.stderr
