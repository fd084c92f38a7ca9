"""Every page: accessible, clean, at home in both themes and on a phone, and usable with the keyboard alone."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from searches.supervision.example import NAME as EXAMPLE
from tests.browser.conftest import DESKTOP
from tests.browser.steps import plotted, status
from tests.browser.watching import Watched, must_be_accessible
from tests.support.portal import MANAGE, Portal

pytestmark = pytest.mark.slow
PHONE = {"width": 390, "height": 844}
PAGES = (
    "/",
    "/projects/",
    "/projects/examples/",
    "/projects/examples/new/",
    "/runs/{run}/",
    "/runs/{run}/#candidates",
    "/runs/{run}/#spec",
    "/runs/{run}/candidates/",
    "/runs/{run}/candidates/{number}/",
    "/runs/{run}/candidates/{number}/#layers",
    "/runs/{run}/candidates/{number}/#training",
    "/runs/{run}/candidates/{number}/#origin",
    "/runs/{run}/compare/",
    "/runs/{run}/compare/?n={number}&n={other}",
    "/repositories/",
    "/search/?q=example",
    "/targets/",
    "/help/?q=front",
    "/help/reference/spec/",
    "/account/tokens/",
    "/account/password/",
    "/api/v1/docs/",
    "/no/such/page/",
)


@pytest.fixture(scope="module", autouse=True)
def places(portal: Portal, browser: Browser, session: Any) -> dict[str, int]:
    """The recorded example as a finished run of its project, and two of its front."""
    subprocess.run([*MANAGE, "example"], env=portal.environment, check=True, capture_output=True)
    context = browser.new_context(base_url=portal.address, storage_state=session, viewport=DESKTOP)
    page = context.new_page()
    page.goto("/projects/examples/")
    page.get_by_role("link", name=EXAMPLE).first.click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    run = int(page.url.rstrip("/").rsplit("/", 1)[1])
    front = page.request.get(f"/runs/{run}/snapshot/").json()["run"]["selection"]["front"]
    context.close()
    return {"run": run, "number": front[0], "other": front[-1]}


def opened(browser: Browser, portal: Portal, session: Any, **options: Any) -> BrowserContext:
    return browser.new_context(base_url=portal.address, storage_state=session, reduced_motion="reduce", **options)


@pytest.fixture
def watched(browser: Browser, portal: Portal, session: Any) -> Iterator[Watched]:
    context = opened(browser, portal, session, viewport=DESKTOP)
    yield Watched(context.new_page())
    context.close()


# One of them stands for all in the fast tier.
LOOKED_AT = [
    pytest.param(path, marks=pytest.mark.chain(seconds=90)) if path == "/projects/" else path for path in PAGES
]


@pytest.mark.parametrize("path", LOOKED_AT)
def test_a_page_is_accessible_fits_and_stays_clean(watched: Watched, places: dict[str, int], path: str) -> None:
    """Loaded once, then looked at in light, in dark and on a phone."""
    page = watched.page
    page.goto(path.format(**places))
    page.wait_for_load_state("networkidle")
    if path == "/runs/{run}/":
        plotted(page)
    for scheme, viewport in (("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of playwright's words
        page.set_viewport_size(viewport)  # type: ignore[arg-type]  # width and height
        page.wait_for_timeout(100)  # plots follow the theme and the window
        if "/api/" not in path:  # Swagger's own page is not ours to mend
            must_be_accessible(page)
            fits(page)
    expected = [fault for fault in watched.faults if "404" not in fault] if "no/such" in path else watched.faults
    assert not expected, "\n".join(expected)


def fits(page: Page) -> None:
    """Nothing is wider than the window."""
    wide, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= window, f"{page.url} is {wide} px wide in a window of {window}"


@pytest.mark.parametrize("path", ["/login/", "/login/once/nonsense/"])
def test_the_pages_before_signing_in_are_accessible(portal: Portal, browser: Browser, path: str) -> None:
    context = browser.new_context(base_url=portal.address)
    page = context.new_page()
    page.goto(path)
    must_be_accessible(page)
    context.close()


def test_the_theme_is_switched_and_remembered(page: Page) -> None:
    page.goto("/")
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    switch = page.locator("[data-theme-switch]")
    switch.click()
    switch.click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    dark = page.evaluate(colour)
    assert dark != before
    page.reload()
    assert page.evaluate(colour) == dark


def test_the_keyboard_alone_gets_from_home_to_a_comparison(page: Page, places: dict[str, int]) -> None:
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("Example")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/search/"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    page.goto(f"/runs/{places['run']}/candidates/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#compare-tray")).to_be_visible()
    page.keyboard.press("c")
    page.wait_for_url(re.compile("/compare/"))
    expect(page.get_by_role("columnheader", name=re.compile("^#"))).to_have_count(2)
    page.goto("/projects/examples/")
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/new/"))


def test_tab_reaches_the_content_first(page: Page) -> None:
    page.goto("/projects/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_sliders_move_the_chosen_point(page: Page, places: dict[str, int]) -> None:
    page.goto(f"/runs/{places['run']}/")
    plotted(page)
    slider = page.locator("#choosing input[name=accuracy]")
    slider.fill("1")
    for other in page.locator("#choosing input[type=range]:not([name=accuracy])").all():
        other.fill("0")
    expect(page.locator("[data-choice]")).to_contain_text("best validation accuracy on the front")
    answer = page.request.get(f"/runs/{places['run']}/choose/?accuracy=1&latency=0&params=0").json()
    expect(page.locator(f"#chosen [data-chosen='{answer['number']}']")).to_be_visible()
    page.get_by_role("button", name="Knee").click()
    expect(page.locator("[data-choice]")).to_contain_text("Knee")


def test_the_axes_stand_in_the_address(page: Page, places: dict[str, int]) -> None:
    page.goto(f"/runs/{places['run']}/")
    plotted(page)
    page.get_by_label("Horizontal axis").select_option("params")
    expect(page).to_have_url(re.compile("x=params"))
    page.reload()
    plotted(page)
    expect(page.get_by_label("Horizontal axis")).to_have_value("params")


def test_the_plot_has_a_table_as_its_twin(page: Page, places: dict[str, int]) -> None:
    page.goto(f"/runs/{places['run']}/")
    page.get_by_text("The front as a table").click()
    link = page.locator("[data-front-rows] a").first
    number = link.inner_text().removeprefix("#")
    link.click()
    expect(page.locator(f"#chosen [data-chosen='{number}']")).to_be_visible()


def test_a_block_lights_its_layers_and_its_lines(page: Page, places: dict[str, int]) -> None:
    page.goto(f"/runs/{places['run']}/candidates/{places['number']}/")
    page.locator("#drawing .arch-block").nth(1).click()
    expect(page.locator("#source .lit").first).to_be_visible()
    page.get_by_role("tab", name="Layers").click()
    expect(page.locator(".layers .lit").first).to_be_visible()


def test_the_form_judges_while_one_types_and_loses_nothing(page: Page) -> None:
    page.goto("/projects/examples/new/")
    expect(page.get_by_text("Networks in the space")).to_be_visible()
    page.get_by_label("Seed", exact=True).fill("4711")
    page.get_by_label("Evaluations").fill("many")
    expect(page.get_by_text("must be a whole number, but is 'many'")).to_be_visible()
    expect(page.get_by_text("Fix 1 field to see the estimate")).to_be_visible()
    page.get_by_role("button", name="Start the search").click()
    expect(page.get_by_role("alert")).to_contain_text("Fix 1 error to start the run")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("4711")
    expect(page.get_by_label("Evaluations")).to_be_focused()
    page.get_by_label("Generations").fill("4")
    page.locator("[name='algorithm_options.nsga2.population']").fill("7")
    page.get_by_label("Generations").fill("4")
    expect(page.get_by_label("Evaluations")).to_have_value("28")
    expect(page.get_by_text("Networks in the space")).to_be_visible()
    page.get_by_label("Algorithm").select_option("random_search")
    expect(page.locator("[name='algorithm_options.nsga2.crossover']")).to_be_hidden()


def test_what_few_people_need_is_folded_until_there_is_a_fault_in_it(page: Page) -> None:
    page.goto("/projects/examples/new/?preset=balanced")
    fold = page.locator("#section-training details.advanced")
    momentum = page.locator("[name='training.momentum']")
    expect(momentum).to_be_hidden()
    expect(page.locator("#section-ladder [data-changed]")).to_have_text("· 1 changed")
    fold.locator("summary").click()
    momentum.fill("2")
    fold.locator("summary").click()
    expect(fold.get_by_text("must be at most 0.999, but is 2")).to_be_visible()
    expect(fold.locator("[data-changed]")).to_have_text("· 1 changed")
    page.get_by_label("Algorithm").select_option("regularized_evolution")
    expect(page.locator("[name='algorithm_options.regularized_evolution.population']")).to_be_visible()
    page.get_by_label("Algorithm").select_option("random_search")
    expect(page.locator("#section-search details.advanced")).to_be_visible()
    page.get_by_role("button", name="Start the search").click()
    expect(page.locator("[name='training.momentum']")).to_be_focused()


def test_a_search_is_started_from_the_form(page: Page) -> None:
    page.goto("/projects/examples/new/?preset=quick")
    page.get_by_label("Name").fill("From the form")
    page.get_by_label("Parameters, at most").fill("50K")
    page.get_by_role("button", name="Start the search").click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    expect(page.get_by_role("heading", name="From the form")).to_be_visible()
    spec = page.request.get(f"{page.url}snapshot/").json()["run"]["spec"]
    assert spec["limits"]["max_params"] == 50_000
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    status(page, "cancelled", 60_000)


def test_without_a_websocket_the_page_polls(
    portal: Portal, browser: Browser, session: Any, places: dict[str, int]
) -> None:
    context = opened(browser, portal, session, viewport=DESKTOP)
    page = context.new_page()
    page.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006 }), 10); } }"
    )
    page.goto(f"/runs/{places['run']}/")
    expect(page.locator("[data-run=connection]")).to_have_text("live, by polling", timeout=30_000)
    plotted(page)
    context.close()


def test_without_scripts_runs_and_candidates_can_be_read(
    portal: Portal, browser: Browser, session: Any, places: dict[str, int]
) -> None:
    context = opened(browser, portal, session, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/runs/{places['run']}/candidates/")
    assert page.locator("[data-number]").count() > 20
    page.goto(f"/runs/{places['run']}/")
    expect(page.get_by_role("heading", name=EXAMPLE)).to_be_visible()
    expect(page.locator("[data-run=done]").first).to_have_text("24")
    context.close()
