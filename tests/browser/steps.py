"""Steps that several journeys share."""

import re
import subprocess

from playwright.sync_api import Page, expect

from tests.support.portal import MANAGE, Portal

FINISHED_MS = 420_000  # the example on a busy machine; alone it takes about two minutes


def start_example(page: Page) -> int:
    """Presses the button of the start page; the number of the run."""
    page.goto("/")
    page.get_by_role("button", name="Start the example search").click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    return int(page.url.rstrip("/").rsplit("/", 1)[1].split("?")[0])


def start_from_the_form(page: Page) -> int:
    """A project of one's own, the form as the quick preset fills it in, and its button; the number of the run."""
    page.goto("/projects/")
    page.get_by_label("Name").fill("Digits")
    page.get_by_role("button", name="Create project").click()
    page.wait_for_url(re.compile("/projects/digits/"))
    page.goto("/projects/digits/new/?preset=quick")
    page.get_by_role("button", name="Start the search").click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    return int(page.url.rstrip("/").rsplit("/", 1)[1].split("?")[0])


def start_small(page: Page, portal: Portal, evaluations: int) -> int:
    """From the form: a search of digits that takes seconds; the number of the run."""
    subprocess.run([*MANAGE, "example"], env=portal.environment, check=True, capture_output=True)  # its project
    page.goto("/projects/examples/new/?preset=quick")
    page.get_by_label("Evaluations").fill(str(evaluations))
    page.get_by_role("button", name="Start the search").click()
    page.wait_for_url(re.compile(r"/runs/\d+/"))
    return int(page.url.rstrip("/").rsplit("/", 1)[1].split("?")[0])


def status(page: Page, word: str, timeout: float = FINISHED_MS) -> None:
    """Waits until the run page says so by itself."""
    expect(page.locator("[data-run=status]")).to_have_text(word, timeout=timeout)


def plotted(page: Page, selector: str = "#pareto") -> None:
    """Waits until the plot has points."""
    expect(page.locator(f"{selector} .scatterlayer .point").first).to_be_visible(timeout=60_000)


def click_point(page: Page, trace: str) -> None:
    """Clicks the first point of a trace of the Pareto plot, where it is drawn."""
    place = page.evaluate(
        """(name) => {
          const plot = document.querySelector("#pareto .js-plotly-plot");
          const index = plot._fullData.findIndex((trace) => trace.name === name);
          const { x, y } = plot._fullData[index];
          const { xaxis, yaxis, margin } = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          return [box.x + xaxis._offset + xaxis.d2p(x[0]), box.y + yaxis._offset + yaxis.d2p(y[0])];
        }""",
        trace,
    )
    page.mouse.move(*place)
    page.wait_for_timeout(150)  # plotly looks at most every tenth of a second what lies under the mouse
    page.mouse.click(*place)
