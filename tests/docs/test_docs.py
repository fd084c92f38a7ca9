"""The documentation is true: links resolve, commands exist with their options, blocks run, the reference is fresh."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from docs import generate, reference_pages
from nasportal.help import pages
from searches.spec import SearchSpec
from tests.docs.blocks import DOCS, ROOT, Block, blocks, commands, texts, walked
from tests.support.portal import MANAGE, running_portal

TEXTS = texts()
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
PROGRAM = "docs/tutorial/from-a-program.md"
# What is made small so that a test can afford it; all else runs as it stands there.
SMALL = {"--evaluations 24": "--evaluations 3 --epochs 1", "--evaluations 8 --epochs 3": "--evaluations 2 --epochs 1"}
SMALL_SPEC = '"evaluations": 2, "training": {"epochs": 1}'


def test_generated_pages_are_what_the_code_says() -> None:
    stale = [path.relative_to(ROOT).as_posix() for path in generate.stale()]
    assert stale == [], "renew them: make docs"


def test_every_registered_name_stands_in_the_reference() -> None:
    text = (DOCS / "reference/registries.md").read_text("utf-8")
    names = [name for registry in reference_pages.registry_modules().values() for name in registry.names()]
    assert len(names) > 50
    assert [name for name in names if f"| `{name}` | " not in text] == []


def test_every_command_of_the_portal_stands_in_the_reference() -> None:
    text = (DOCS / "reference/commands.md").read_text("utf-8")
    assert {"search", "up", "generate"} <= set(reference_pages.portal_commands())
    assert [name for name in reference_pages.portal_commands() if f"\n## {name}\n" not in text] == []


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 150


def test_every_page_begins_with_title_and_paragraph_and_stands_in_the_index_unless_unlisted() -> None:
    for name, page in pages.pages().items():
        assert page.headings[0].level == 1, name
        assert page.lead[:1].isalnum() or page.lead[:1] in '"(', f"{name} begins without a paragraph"
        assert (f"({name}.md)" in TEXTS["docs/README.md"]) == page.is_listed, name


@pytest.mark.parametrize("page", TEXTS)
def test_its_links_resolve(page: str) -> None:
    for target, part in LINK.findall(TEXTS[page]):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), f"{page} links to {target}"
        if part and path.suffix == ".md":
            found = pages.Page(page, path.read_text("utf-8"))
            assert part in {each.anchor for each in found.headings}, f"{page} links to {target}#{part}"


@pytest.mark.parametrize("page", TEXTS)
def test_its_commands_exist_with_all_their_options(page: str) -> None:
    known = reference_pages.portal_commands()
    for block in blocks(page):
        for name, *arguments in commands(block.code) if block.language == "sh" else ():
            assert name in known, f"{page}: no command is named {name}"
            reference_pages.parser_of(name, known[name]).parse_args(arguments)
    assert set(re.findall(r"manage\.py ([a-z]\w+)", TEXTS[page])) <= set(known)


@pytest.mark.parametrize("page", TEXTS)
def test_its_make_targets_and_benchmarks_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join([*re.findall(r"`([^`\n]+)`", TEXTS[page]), *(block.code for block in blocks(page))])
    named = {
        word
        for line in re.findall(r"(?:^|\s)make ([a-z][^\n#|;&]*)", code, re.MULTILINE)
        for word in line.split()
        if "=" not in word
    }
    assert named <= targets
    benches = set(re.findall(r"\bBENCH=(\w+)", code)) | set(re.findall(r"-m bench\.(\w+)", code))
    assert {name for name in benches if not (ROOT / f"bench/{name}.py").exists()} == set()


def test_each_benchmark_page_has_question_verdict_machine_date_seeds_and_command() -> None:
    for page, text in TEXTS.items():
        if page.startswith("docs/benchmarks/"):
            missing = [
                word
                for word in ("\nQuestion: ", "\n**Verdict.** ", "| machine", "| date |", "| seeds |")
                if word not in text
            ]
            assert missing == [], page
            assert re.search(r"make (bench|run|chaos)|manage\.py|python -m bench", text), page


def test_kept_results_are_json_with_a_command_and_a_date() -> None:
    for path in sorted((DOCS / "benchmarks/results").iterdir()):
        assert {"command", "date"} <= json.loads(path.read_text()).keys(), path.name


@pytest.mark.parametrize("page", walked())
def test_its_blocks_are_run_or_say_why_not(page: str) -> None:
    for block in blocks(page):
        assert block.language in ("sh", "python", "json", "text"), f"{page}: a block needs a language"
        assert not block.mark or re.match(r"run: slow|not run: \w+", block.mark), block.mark


@pytest.mark.parametrize("page", walked())
def test_its_specs_are_valid(page: str) -> None:
    for block in blocks(page):
        if block.language == "json":
            SearchSpec.from_document(json.loads(block.code))


def to_run(slow: bool) -> list[str]:
    """Pages with blocks to run, by whether one of them takes long."""
    pages_run = [page for page in walked() if page != PROGRAM and any(block.is_run for block in blocks(page))]
    return [page for page in pages_run if any(block.is_slow for block in blocks(page)) == slow]


@pytest.mark.parametrize("page", to_run(slow=False))
def test_its_blocks_run(page: str, tmp_path: Path) -> None:
    walk(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", to_run(slow=True))
def test_its_blocks_run_with_those_that_train(page: str, tmp_path: Path) -> None:
    walk(page, tmp_path)


def walk(page: str, folder: Path) -> None:
    """Runs the blocks of a page one after the other in one folder."""
    for block in blocks(page):
        if block.is_run:
            done = run(block, folder)
            assert done.returncode == 0, f"{block.code}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    code = block.code
    for long, short in SMALL.items():
        code = code.replace(long, short)
    code = code.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
    argv = [sys.executable, "-c", code] if block.language == "python" else ["bash", "-euo", "pipefail", "-c", code]
    environment = os.environ | {"NASPORTAL_DATA": str(folder / "data")}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=540)


@pytest.mark.slow
def test_the_program_starts_a_search_waits_and_downloads(tmp_path: Path) -> None:
    program = next(block.code for block in blocks(PROGRAM) if "network.zip" in block.code)
    assert '"evaluations": 24' in program
    with running_portal(tmp_path / "data") as portal:
        made = subprocess.run([*MANAGE, "api_token", "admin"], env=portal.environment, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        done = subprocess.run(
            [sys.executable, "-c", program.replace('"evaluations": 24', SMALL_SPEC)],
            env=portal.environment | {"NASPORTAL": portal.address, "NASPORTAL_TOKEN": made.stdout.strip()},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=540,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("finished best accuracy 0.")
    with zipfile.ZipFile(tmp_path / "network.zip") as archive:
        assert any(name.endswith("/model.py") for name in archive.namelist())
