"""A real portal and a real browser. Where no Chromium is installed these tests are skipped, and say so."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.watching import Watched
from tests.support.portal import Portal, running_portal

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
DESKTOP = {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium found: install it, or name it in CHROMIUM"))


@pytest.fixture(scope="package")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """`manage.py up` with a data folder of its own."""
    with running_portal(tmp_path_factory.mktemp("portal") / "data") as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for this folder, and for no other: playwright's loop runs in this thread until it is stopped,
    and beside a running loop Django refuses to read rows unless it is told that this is meant."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def session(portal: Portal, browser: Browser) -> Any:
    """The cookies of whoever opened the printed link, which works once."""
    context = browser.new_context()
    context.new_page().goto(portal.link)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(portal: Portal, browser: Browser, session: Any) -> Iterator[BrowserContext]:
    """A signed-in browser of its own for each test."""
    opened = browser.new_context(
        base_url=portal.address, storage_state=session, viewport=DESKTOP, accept_downloads=True, reduced_motion="reduce"
    )
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must stay clean: no console error, no violation of the content policy, no foreign host."""
    watched = Watched(context.new_page())
    yield watched.page
    watched.must_be_clean()
