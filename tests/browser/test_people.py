"""Members with roles, notes, tags, stars, templates and filters: the journeys of a team, in a browser."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.watching import Watched, must_be_accessible
from tests.searches.tabular.test_replay import ROWS
from tests.support.portal import MANAGE, Portal

pytestmark = pytest.mark.slow


def manage(portal: Portal, *words: str) -> str:
    done = subprocess.run([*MANAGE, *words], env=portal.environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def run(portal: Portal) -> Iterator[str]:
    """The finished example run, loaded: nothing is trained for these tests."""
    manage(portal, "example", "admin")
    expect.set_options(timeout=20_000)  # on a busy machine an answer takes more than the default of five seconds
    yield "Example: digits, finished"
    expect.set_options(timeout=5_000)


@pytest.fixture
def bob(portal: Portal, browser: Browser) -> Iterator[Page]:
    """A second person in a browser of their own."""
    link = manage(portal, "login_link", "bob", "--create", "--address", portal.address).splitlines()[-1]
    context = browser.new_context(base_url=portal.address, reduced_motion="reduce")
    watched = Watched(context.new_page())
    watched.page.goto(link)
    yield watched.page
    watched.must_be_clean()
    context.close()


def test_a_note_tags_and_a_star_are_kept_and_found_again(page: Page, run: str) -> None:
    page.goto("/projects/examples/")
    page.get_by_role("link", name=run).first.click()
    page.get_by_role("button", name="Star this run").click()
    expect(page.get_by_role("button", name="Star this run")).to_have_attribute("aria-pressed", "true")
    page.get_by_text("Edit tags").click()
    page.get_by_label("Tags, separated by commas").fill("Example, for the paper")
    page.get_by_role("button", name="Save tags").click()
    expect(page.locator(".annotations .tag", has_text="for the paper")).to_be_visible()
    page.locator(".note-fold > summary").click()
    page.locator(".note-fold details > summary").click()
    page.get_by_label("Note", exact=True).fill("# Seen\n\n**flat** above 20 K <script>alert(1)</script>")
    page.get_by_role("button", name="Save note").click()
    expect(page.locator(".note-fold > summary")).to_contain_text("Seen")
    page.locator(".note-fold > summary").click()
    expect(page.locator(".prose strong")).to_have_text("flat")
    must_be_accessible(page)
    page.locator(".annotations a.tag", has_text="for the paper").click()
    page.wait_for_url(re.compile(r"tag=for"))
    page.get_by_label("starred").check()
    expect(page.get_by_role("link", name=run)).to_be_visible()
    page.get_by_role("searchbox", name="Part of the name").fill("no run has this name")
    expect(page.get_by_text("No run fits these filters")).to_be_visible()


def test_somebody_is_added_looks_on_becomes_an_editor_and_leaves(page: Page, bob: Page, run: str) -> None:
    page.goto("/projects/examples/members/")
    page.get_by_label("User name").fill("nobody-of-this-name")
    page.get_by_role("button", name="Add member").click()
    expect(page.locator("#name-error")).to_contain_text("No user 'nobody-of-this-name'")
    page.get_by_label("User name").fill("bob")
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="Add member").click()
    expect(page.get_by_text("bob is now a member.")).to_be_visible()
    must_be_accessible(page)
    bob.goto("/projects/examples/")
    expect(bob.get_by_role("link", name=run)).to_be_visible()
    expect(bob.get_by_role("link", name="New run")).to_have_count(0)
    page.get_by_label("Role of bob").select_option("editor")
    expect(page.get_by_label("Role of bob")).to_have_value("editor")
    bob.goto("/projects/examples/")
    expect(bob.get_by_role("link", name="New run")).to_be_visible()
    bob.goto("/projects/examples/activity/")
    expect(bob.get_by_text("made bob editor")).to_be_visible()
    bob.goto("/projects/examples/members/")
    bob.get_by_role("button", name="Leave").click()
    bob.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(bob.get_by_text("You have left Examples.")).to_be_visible()
    assert bob.request.get("/projects/examples/").status == 404


def test_a_template_starts_the_next_run(page: Page, run: str) -> None:
    page.goto("/projects/examples/new/?preset=phone")
    page.get_by_label("Name").first.fill("Phone, small")
    page.get_by_label("Parameters, at most").fill("50K")
    page.get_by_role("button", name="Save as template").click()
    expect(page.get_by_text("Phone, small was saved as a template of this project.")).to_be_visible()
    page.goto("/projects/examples/templates/")
    must_be_accessible(page)
    page.get_by_role("link", name="Phone, small").click()
    expect(page.get_by_label("Parameters, at most")).to_have_value("50K")
    expect(page.get_by_label("Target")).to_have_value("phone")


def test_algorithms_are_checked_against_an_uploaded_table(page: Page) -> None:
    page.goto("/replays/")
    table = {"name": "small.csv", "mimeType": "text/csv", "buffer": ROWS.encode()}
    page.get_by_label("Upload a table").set_input_files([table])  # type: ignore[list-item]
    for label, value in (("Column to search on", "quality"), ("evaluations", "6"), ("Repeats", "2")):
        page.get_by_label(label).fill(value)
    for name in ("regularized_evolution", "nsga2"):
        page.locator(f"[name=algorithms][value={name}]").uncheck()
    page.get_by_role("button", name="Run the benchmark").click()
    expect(page.locator("#replay")).to_contain_text("2 of 2 repeats", timeout=60_000)
    expect(page.get_by_role("rowheader", name="random_search")).to_be_visible()
    expect(page.locator("#curves .js-line").first).to_be_visible()
    box = page.locator("#curves .plot").bounding_box()
    assert box
    assert box["width"] > 800, "the curves have the page's width"
    must_be_accessible(page)
