"""CONTRIBUTING's tutorials work as they stand there, and nothing else is edited."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
COPIED = ("architectures", "searches", "profiling", "codegen", "tests", "nasportal", "docs", "static", "templates")
PROBE = """
import json, sys
from searches.spec import SearchSpec
from architectures import operations, spaces
options = json.loads(sys.argv[1])
spec = SearchSpec.from_document(options)
space = spaces.create(spec.space, (1, 8, 8), 10, **spec.space_options)
print("sep_conv5x5" in operations.names(), any("sep_conv5x5" in map(str, each.choices) for each in space.decisions))
"""


NEW_KIND = """
import json
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.test import Client

from searches import services
from searches.models import SearchRun
from searches.models.status import Status
from searches.selectors.snapshot import snapshot
from tests.support import formula_engine, invariants
from tests.support.world import spec, work

pytestmark = pytest.mark.django_db


def test_records_are_stored_once_shown_in_words_and_kept_in_snapshots(world):
    run = services.run_create(project=world.project, spec=spec(), name="records", by=world.alice)
    for cut in (9, 14):
        work(run, events=cut)
        SearchRun.objects.filter(pk=run.pk).update(lease_until=None, status=Status.QUEUED)
    work(run)
    run.refresh_from_db()
    assert invariants.broken(run) == []
    rows = [row.payload for row in run.events.filter(kind="RecordBroken").order_by("seq")]
    assert len({row["number"] for row in rows}) == len(rows) >= 1
    assert rows[-1]["accuracy"] == run.best_accuracy
    frame = run.events.filter(kind="RecordBroken").order_by("-seq")[:1].frames()[0]
    assert frame["text"] == f"#{rows[-1]['number']} is the most accurate so far: {100 * run.best_accuracy:.1f} %"
    assert frame["kept_as"] == "record"
    assert snapshot(run)["run"]["record"] == rows[-1]
    client = Client()
    client.force_login(world.alice)
    assert frame in client.get(f"/api/v1/runs/{run.pk}/events/?after=0").json()["events"]
    assert '<option value="RecordBroken">records</option>' in client.get(f"/runs/{run.pk}/").content.decode()


def test_the_terminal_says_it_and_front_json_keeps_it(tmp_path, capsys):
    options = "--dataset digits --algorithm random_search --evaluations 4 --no-repository --workers 1 --out"
    with patch("searches.engine.engine_process.COMMAND", formula_engine.COMMAND):
        call_command("search", *options.split(), str(tmp_path / "out"))
    front = json.loads((tmp_path / "out" / "front.json").read_text())
    assert f"#{front['record']['number']} is the most accurate so far" in capsys.readouterr().err
"""


LIMIT_PROBE = """
import json
import django
django.setup()
from architectures.spaces import create
from architectures.ir.complexity import complexity
from architectures.spaces.limits import Limits
from searches.api.spec_schema import components
from searches.forms import RunForm
from searches.management.commands.sample import Command as Sample
from searches.management.commands.search import Command as Search
from searches.spec import SearchSpec, SpecErrors

assert "max_weight_bytes" not in SearchSpec().to_document()["limits"]
spec = SearchSpec.from_document({"limits": {"max_weight_bytes": 500000}})
assert spec.to_document()["limits"]["max_weight_bytes"] == 500000
try:
    SearchSpec.from_document({"limits": {"max_weight_bytes": 10}})
except SpecErrors as error:
    print(error)
assert RunForm.of_spec(spec, "").initial["limits.max_weight_bytes"] == "500K"
assert "limits.max_weight_bytes" in RunForm.of_spec(spec, "").fields
assert "max_weight_bytes" in components()["SearchSpec"]["properties"]["limits"]["properties"]
for command, name in ((Search(), "search"), (Sample(), "sample")):
    assert "--max-weight-bytes" in command.create_parser("manage.py", name).format_help()
space = create("chain", (1, 8, 8), 10)
graph = space.decode((0,) * len(space.decisions))
print(*Limits(max_weight_bytes=1).violations(complexity(graph)))
"""


@pytest.mark.slow
def test_its_tutorial_adds_a_limit_in_one_file(tmp_path: Path) -> None:
    copied(tmp_path)
    module = re.search(r"A limit is a field of `Limits` in `([^`]+)`", TEXT)
    assert module
    quantity, field = re.findall(r"```python\n(    .*?)```", TEXT[module.end() :], re.S)
    path = tmp_path / module[1]
    edit(path, "}\nWITHOUT_GRAPH", f"{quantity}}}\nWITHOUT_GRAPH")
    edit(path, "\n    @property\n    def bounds", f"{field}\n    @property\n    def bounds")
    tried = run(tmp_path, "-c", LIMIT_PROBE)
    assert tried.returncode == 0, tried.stderr
    refused, broken = tried.stdout.splitlines()
    assert re.fullmatch(
        r"limits.max_weight_bytes: must be at least [\d,]+, the smallest that chain .* but is 10", refused
    )
    assert re.fullmatch(r"[\d,]+ bytes of weights exceed 1", broken)
    tests = ("tests/architectures/test_limits.py", "tests/searches/test_reach.py", "tests/searches/test_forms.py")
    examined = run(tmp_path, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests)
    assert examined.returncode == 0, examined.stdout[-3000:]


@pytest.mark.slow
def test_its_tutorial_adds_a_kind_of_event_in_two_files_and_a_test(tmp_path: Path) -> None:
    copied(tmp_path)
    section = TEXT.partition("## Tutorial: add a kind of event")[2].partition("\n## ")[0]
    event, report = re.findall(r"```python\n(.*?)```", section, re.S)
    edit(
        tmp_path / "searches/engine/events.py",
        "Event: TypeAlias = (\n",
        f"{event}\n\nEvent: TypeAlias = (\n    RecordBroken |",
    )
    accepting = tmp_path / "searches/engine/phases/accepting.py"
    edit(accepting, "        yield event\n", "        yield event\n        yield from record_broken(state, entry)\n")
    edit(
        accepting,
        "from collections.abc import Iterator",
        "from typing import Any\nfrom collections.abc import Mapping, Iterator",
    )
    accepting.write_text(f"{accepting.read_text()}\n\n{report}")
    (tmp_path / "tests/searches/supervision/test_records.py").write_text(NEW_KIND)
    tests = ("tests/searches/supervision/test_records.py", "tests/searches/engine/test_events.py")
    examined = run(tmp_path, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests)
    assert examined.returncode == 0, examined.stdout[-5000:]


def copied(folder: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "pyproject.toml", "manage.py"):
        shutil.copy(ROOT / name, folder / name)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_its_tutorial_adds_an_operation_in_one_file(tmp_path: Path) -> None:
    copied(tmp_path)
    place = re.search(r"Write this to `([^`]+)`", TEXT)
    code = re.search(r"```python\n(.*?)```", TEXT, re.S)
    assert place
    assert code
    (tmp_path / place[1]).write_text(code[1])
    options = re.search(r'`(\{"space": .*?\})`', TEXT)
    assert options
    tried = run(tmp_path, "-c", PROBE, options[1])
    assert tried.stdout.split() == ["True", "True"], tried.stderr
    examined = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts/test_operations.py")
    assert examined.returncode == 0, examined.stdout[-3000:]
    renewed = run(tmp_path, "-m", "docs.generate")
    assert renewed.returncode == 0, renewed.stderr
    assert (
        "| `sep_conv5x5` | Separable 5×5 convolution: the field of view"
        in (tmp_path / "docs/reference/registries.md").read_text()
    )


def run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "nasportal.settings"}
    return subprocess.run(
        [sys.executable, *argv], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
