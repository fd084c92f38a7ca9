"""What a person can do, from the printed link to a repository whose own tests pass."""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP
from tests.browser.steps import click_point, plotted, start_example, start_from_the_form, start_small, status
from tests.browser.watching import Watched
from tests.support import wheel
from tests.support.portal import Portal, running_portal, wait_until

pytestmark = pytest.mark.slow
REPOSITORY_MS = 300_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that nobody has signed in to yet: the wheel's, in an environment and a folder without the checkout."""
    folder = tmp_path_factory.mktemp("fresh")
    installed = wheel.install(folder / "wheel")
    with running_portal(folder / "data", command=installed.command, cwd=installed.folder) as running:
        yield running


@pytest.fixture(scope="module")
def archive(fresh: Portal, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole path; the downloaded zip."""
    context = browser.new_context(base_url=fresh.address, viewport=DESKTOP, accept_downloads=True)
    context.set_default_timeout(20_000)
    watched = Watched(context.new_page())
    page = watched.page
    page.goto(fresh.link)
    run = start_from_the_form(page)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    plotted(page)  # the first networks appear while the search runs
    expect(page.locator("[data-phase=problem]")).to_contain_text("digits: 1,797 images")
    expect(page.locator("[data-phase=space]")).to_have_attribute("data-state", "done")
    expect(page.locator("[data-phase=selection]")).to_contain_text("waiting for the search")
    status(page, "finished")
    expect(page.locator("[data-phase=search]")).to_contain_text("on the front, best")
    expect(page.locator("[data-phase=selection]")).to_contain_text(re.compile(r"#\d+ by knee"))
    expect(page.locator("[data-phase=code]")).to_contain_text("Ready: generate the repository")
    expect(page.locator("[data-run=done]").first).to_have_text(re.compile("2[4-9]|[3-9][0-9]"))
    expect(page.locator("#chosen [data-chosen]")).to_be_visible()
    click_point(page, "front")
    expect(page).to_have_url(re.compile(r"candidate=\d+"))
    number = re.search(r"candidate=(\d+)", page.url)[1]  # type: ignore[index]
    expect(page.locator(f"#chosen [data-chosen='{number}']")).to_be_visible()
    expect(page.locator("#chosen .drawing svg")).to_be_visible()
    page.get_by_role("button", name="Generate repository").click()
    page.wait_for_url(re.compile(r"/repositories/\d+/"))
    download_link = page.get_by_role("link", name=re.compile("^Download"))
    expect(download_link).to_be_visible(timeout=REPOSITORY_MS)
    with page.expect_download() as downloading:
        download_link.click()
    kept = tmp_path_factory.mktemp("download") / downloading.value.suggested_filename
    downloading.value.save_as(kept)
    page.goto(f"/runs/{run}/")  # the last of the five phases
    expect(page.locator("[data-phase=code]")).to_contain_text(f"repository of #{number}")
    expect(page.locator("[data-phase=code]")).to_have_attribute("data-state", "done")
    watched.must_be_clean()
    context.close()
    return kept


def test_a_click_on_the_front_ends_in_a_repository(archive: Path) -> None:
    with zipfile.ZipFile(archive) as found:
        assert found.testzip() is None
        names = {name.split("/", 1)[1] for name in found.namelist()}
    wanted = {"model.py", "data.py", "train.py", "inference.py", "deploy.py", "requirements.txt", "README.md"}
    assert wanted <= names
    assert "weights/model.safetensors" in names


def test_its_own_tests_pass_in_a_fresh_environment(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as found:
        found.extractall(tmp_path)
    folder = next(path for path in tmp_path.iterdir() if path.is_dir())
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    extra = [option for path in sorted(folder.glob("requirements*.txt")) for option in ("-r", str(path))]
    subprocess.run([*install, *extra, "pytest"], check=True, timeout=900)
    tests = subprocess.run(
        [python, "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert tests.returncode == 0, tests.stdout[-3000:]
    smoke = subprocess.run(
        [python, "train.py", "--smoke"], cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert smoke.returncode == 0, smoke.stdout[-2000:] + smoke.stderr[-2000:]


def test_neither_reload_nor_a_restart_of_the_web_server_loses_anything(portal: Portal, context: BrowserContext) -> None:
    page = context.new_page()  # the connection breaks on purpose: its console is not clean
    start_small(page, portal, 10)
    plotted(page)
    page.reload()
    plotted(page)
    before = int(page.locator("[data-run=done]").first.inner_text())
    web = portal.program("daphne")
    os.kill(web.pid, signal.SIGKILL)
    expect(page.locator("[data-run=connection]")).not_to_have_text("live", timeout=30_000)
    expect(page.locator("[data-run=connection]")).to_have_text("live", timeout=60_000)
    assert int(page.locator("[data-run=done]").first.inner_text()) >= before
    status(page, "finished")
    evaluated(page, 10)


def evaluated(page: Page, count: int) -> None:
    """The page's state, without a reload, is the server's."""
    expect(page.locator("[data-run=done]").first).to_have_text(str(count))
    before = (
        page.locator("[data-run=hash]").inner_text(timeout=1000) if page.locator("[data-run=hash]").is_visible() else ""
    )
    page.reload()
    plotted(page)
    expect(page.locator("[data-run=done]").first).to_have_text(str(count))
    page.get_by_role("tab", name="Spec and history").click()
    expect(page.locator("[data-run=hash]")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    assert before in ("", page.locator("[data-run=hash]").inner_text())


def test_pause_resume_stop_clone_and_delete(portal: Portal, page: Page) -> None:
    first = start_example(page)
    page.get_by_role("button", name="Pause").click()
    status(page, "paused", 60_000)
    expect(page.get_by_text("Resume continues exactly where it stopped")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    status(page, "running", 60_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    status(page, "cancelled", 60_000)
    page.get_by_label("More about this run").click()
    page.get_by_role("button", name="Clone and start").click()
    page.wait_for_url(lambda url: f"/runs/{first}/" not in url)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    status(page, "cancelled", 60_000)
    page.get_by_label("More about this run").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the run").click()
    expect(page.get_by_text("was deleted")).to_be_visible()


def test_a_page_that_was_open_before_the_first_result_fills_by_itself(page: Page) -> None:
    start_example(page)
    page.get_by_role("tab", name="Candidates").click()
    started = time.monotonic()
    expect(page.locator("#candidates-table [data-number]").first).to_be_visible(timeout=120_000)
    page.get_by_role("tab", name="Events").click()
    expect(page.locator("[data-event-log] li").first).to_be_visible()
    assert time.monotonic() - started < 120
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    status(page, "cancelled", 60_000)
    wait_until(lambda: page.locator("[data-now]").is_hidden(), 5)
    # The time at work stays what it was; it does not fall back to that of the page's first snapshot.
    expect(page.locator("[data-run='elapsed']").first).not_to_have_text("< 1 s")
