"""The README is true: its tables are what is registered, its commands exist."""

import re
import subprocess
import sys

from django.core.management import get_commands

from tests.support.readme import README, renewed

TEXT = README.read_text()


def test_its_tables_name_all_that_is_registered() -> None:
    assert renewed(TEXT) == TEXT, "renew them: python -m tests.support.readme"


def test_its_management_commands_exist() -> None:
    named = set(re.findall(r"manage\.py (\w+)", TEXT))
    assert len(named) > 5
    assert named <= set(get_commands())


def test_its_table_of_settings_is_what_the_code_reads() -> None:
    """Crash points are of the fault injection: a portal disarms them."""
    packages = ("nasportal", "searches", "codegen", "profiling", "architectures")
    sources = [path.read_text() for name in packages for path in (README.parent / name).rglob("*.py")]
    read = {name for source in sources for name in re.findall(r"""["'](NASPORTAL_[A-Z_]+)["']""", source)}
    table = TEXT.partition("| variable | meaning |\n")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines() for name in re.findall(r"`(NASPORTAL_[A-Z_]+)`", row.split(" | ")[0])}
    assert told == {name for name in read if not name.startswith("NASPORTAL_CRASH_")}


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
