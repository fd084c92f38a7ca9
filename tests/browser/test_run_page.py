"""The run page and what belongs to it, on a finished run that has everything: rows only, nothing is trained."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP
from tests.browser.steps import plotted
from tests.browser.watching import Watched, must_be_accessible
from tests.support.portal import Portal

pytestmark = pytest.mark.slow
CANDIDATES = 120
PLOTS = {
    "algorithms": ("#insight", "#darts", "#edges", "#health", "#ladder"),
    "space": ("#space",),
    "timeline": ("#gantt",),
    "candidates": ("#parallel",),
}
NO_WEBGL = """() => {
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return String(kind).includes("webgl") ? null : getContext.call(this, kind, ...rest);
  };
}"""
# A socket that the test speaks through: `feed(frames)`.
OWN_SOCKET = """() => {
  globalThis.WebSocket = class {
    constructor() {
      globalThis.feed = (frames) => frames.forEach((frame) => this.onmessage({ data: JSON.stringify(frame) }));
    }
  };
}"""


@pytest.fixture(scope="module")
def runs(portal: Portal) -> tuple[int, int]:
    """Two runs of one project."""
    return seeded(portal), seeded(portal, 60)


def seeded(portal: Portal, candidates: int = CANDIDATES) -> int:
    command = [sys.executable, "-m", "tests.support.showcase", str(candidates)]
    answer = subprocess.run(command, env=portal.environment, capture_output=True, text=True, check=True)
    return int(answer.stdout.split()[-1])


def opened(page: Page, run: int, query: str = "") -> None:
    page.goto(f"/runs/{run}/{query}")
    plotted(page)


def show(page: Page, tab: str) -> None:
    page.locator(f"#tab-{tab}").click()


def in_view(page: Page, section: str) -> None:
    """A plot is mounted when it is seen."""
    page.locator(section).scroll_into_view_if_needed()
    expect(page.locator(f"{section} .main-svg").first).to_be_visible()


def test_axes_colours_and_dimensions_stand_in_the_address(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    page.get_by_label("Horizontal axis").select_option("params")
    page.locator("[name=logx]").check()
    page.locator("#pareto [name=colour]").select_option("algorithm")
    expect(page).to_have_url(re.compile("(?=.*[?&]x=params)(?=.*colour=algorithm)(?=.*logx=1)"))
    page.reload()
    plotted(page)
    expect(page.locator("[name=logx]")).to_be_checked()
    expect(page.locator("#pareto .legend")).to_contain_text("predictor")
    assert page.evaluate("document.querySelector('#pareto .js-plotly-plot')._fullLayout.xaxis.type") == "log"
    page.get_by_role("button", name="3-D").click()
    expect(page.locator("#pareto canvas").first).to_be_visible()
    expect(page.get_by_label("Third axis")).to_be_visible()
    expect(page).to_have_url(re.compile("dim=3"))


def test_few_rungs_are_groups_and_many_a_scale(page: Page, runs: tuple[int, int]) -> None:
    """A marker shape that stood for two rungs would tell of neither."""
    opened(page, runs[0], "?colour=fidelity")
    expect(page.locator("#pareto .legend")).to_contain_text("15 epochs")
    page.locator("[name=dominated]").uncheck()  # the front has its colours still, and the legend says what they mean
    expect(page.locator("#pareto .legendtext")).to_have_text(["15 epochs", "front", "selected"])
    script = """async (fidelities) => {
      const { Groups } = await import("/static/js/run/colouring.js");
      const candidates = fidelities.map((fidelity) => ({ fidelity }));
      const groups = new Groups({}, {}, "fidelity", candidates);
      return groups.isNominal && groups.of(candidates).map(({ name }) => name);
    }"""
    assert page.evaluate(script, [5, 1, 12]) == ["1 epoch", "5 epochs", "12 epochs"]
    assert page.evaluate(script, list(range(1, 9))) is False


def test_what_a_limit_forbids_is_a_band(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0], "?x=params")
    bands = page.locator("#pareto .shapelayer path")
    expect(bands).to_have_count(1)
    page.locator("[name=limits]").uncheck()
    expect(bands).to_have_count(0)


def test_a_lasso_fills_the_tray_of_the_comparison(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    page.get_by_role("button", name="Lasso").click()
    page.wait_for_function("() => document.querySelector('#pareto .js-plotly-plot')._fullLayout.dragmode === 'lasso'")
    box = page.locator("#pareto .nsewdrag").bounding_box()
    assert box
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)]
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    expect(page.locator("[data-selected-words]")).to_contain_text("selected: #")
    page.get_by_role("button", name="Compare the first 6").click()
    expect(page.locator("#compare-tray .tag")).to_have_count(6)
    page.locator("#compare-tray button[type=submit]").click()
    expect(page.get_by_role("columnheader", name=re.compile("^#"))).to_have_count(6)


def test_the_search_is_played_again(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    slider = page.get_by_label("Front at generation")
    expect(page.locator("[data-replay] output")).to_contain_text("now: generation 10 of 10")
    slider.fill("2")
    expect(page.locator("[data-replay] output")).to_contain_text("generation 2 of 10")
    expect(page.locator("#pareto [data-count]")).to_have_text("24 candidates")
    expect(page).to_have_url(re.compile("generation=2"))
    page.get_by_role("button", name="Replay the search").click()
    expect(page.locator("[data-replay] output")).to_contain_text("generation 3 of 10")


def test_plots_are_mounted_when_they_are_seen_and_have_a_table(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    for tab, sections in PLOTS.items():
        for section in sections:
            expect(page.locator(f"{section} .main-svg")).to_have_count(0)
        show(page, tab)
        for section in sections:
            in_view(page, section)
    twin = page.locator("#parallel .twin")
    twin.locator("summary").click()
    expect(twin.locator("tbody tr").first).to_be_visible()
    show(page, "algorithms")
    expect(page.get_by_role("heading", name="Credit of the members")).to_be_visible()
    expect(page.locator("[data-stages] > li")).to_have_count(2)
    show(page, "progress")
    page.locator("[data-curves]").scroll_into_view_if_needed()
    expect(page.locator("[data-curves] li").first).to_be_visible()
    show(page, "events")
    expect(page.locator("[data-failures] tbody tr")).to_have_count(2)
    page.get_by_label("Show events").select_option("CandidatePromoted")
    expect(page.locator("[data-event-log] li:visible").first).to_contain_text("promoted from 5 to 15 epochs")


@pytest.mark.parametrize("kind", ["CSV", "JSON", "PNG"])
def test_a_plot_is_saved(page: Page, runs: tuple[int, int], kind: str) -> None:
    opened(page, runs[0])
    page.locator("#pareto .save summary").click()
    with page.expect_download() as saving:
        page.locator("#pareto .save").get_by_role("button", name=kind).click()
    content = saving.value.path().read_bytes()
    assert saving.value.suggested_filename == f"pareto-front.{kind.lower()}"
    if kind == "PNG":
        assert content.startswith(b"\x89PNG")
    else:
        rows = json.loads(content) if kind == "JSON" else content.decode().splitlines()
        assert len(rows) > 100


def test_vote_limits_and_questions_choose(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    words = page.locator("[data-choice]")
    page.get_by_role("button", name="Vote").click()
    expect(words).to_contain_text("Vote: #")
    page.get_by_text("Constraints…").click()
    page.locator("[data-limit=accuracy]").fill("95")
    expect(words).to_contain_text(re.compile(r"#\d+, one of \d on the front;"))
    page.locator("[data-limit=latency]").fill("0.01")
    expect(words).to_contain_text("No candidate on the front meets")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(words).to_contain_text("Vote: #")
    page.get_by_role("button", name="Ask me").click()
    take = page.get_by_role("button", name="Select it")
    for answered in range(7):  # with the keyboard alone: the first card has the focus
        expect(page.locator("[data-pair] button, [data-take]:focus").first).to_be_visible()
        if page.locator("[data-pair] button").count() == 0:
            break
        before = page.locator("[data-pair]").inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("[data-pair]")).not_to_have_text(before, use_inner_text=True)
        assert answered < 7
    expect(take).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"candidate=\d+"))


def test_the_panel_says_why_and_what_a_little_more_accuracy_costs(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    expect(page.locator("#chosen")).to_contain_text("Why this one:")
    expect(page.locator("#chosen .prices li").first).to_contain_text(re.compile(r"% accuracy \(#\d+\) costs"))


def test_the_phases_say_what_came_out_and_what_is_waited_for(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    phases = page.locator("[data-phase]")
    expect(phases.nth(0)).to_contain_text("digits: 1,797 images of 8×8, 10 classes")
    expect(phases.nth(2)).to_contain_text("120 of 120")
    expect(phases.nth(3)).to_contain_text("by knee")
    expect(phases.nth(4)).to_contain_text("Ready: generate")


def test_a_comparison_shows_only_differences_where_it_is_asked_to(page: Page, runs: tuple[int, int]) -> None:
    page.goto(f"/runs/{runs[0]}/compare/?n=0&n=4&n=8")
    rows = page.locator(".comparison tbody tr:visible")
    before = rows.count()
    page.get_by_label("Differences only").check()
    assert rows.count() <= before
    expect(page).to_have_url(re.compile("differences=1"))
    expect(page.locator(".radar .area")).to_have_count(3)
    expect(page.locator(".profile-row")).to_have_count(6)
    expect(page.locator(".drawing .arch-mark").first).to_be_visible()
    must_be_accessible(page)


def test_fronts_of_several_runs_come_into_one_plot(page: Page, runs: tuple[int, int]) -> None:
    page.goto(f"/runs/compare/?run={runs[0]}")
    page.get_by_role("checkbox", name=re.compile("^Showcase of 60")).first.check()
    page.get_by_role("button", name="Compare selected").click()
    plotted(page, "#fronts")
    expect(page.locator("#fronts .legend .traces")).to_have_count(2)
    expect(page.get_by_role("columnheader", name="Hypervolume (common reference)")).to_be_visible()
    must_be_accessible(page)


def test_an_architecture_knows_its_ancestors_and_fidelities(page: Page, runs: tuple[int, int]) -> None:
    page.goto(f"/runs/{runs[0]}/candidates/100/#origin")
    expect(page.locator(".lineage .own")).to_be_visible()
    assert page.locator(".lineage .root").count() >= 1
    page.get_by_role("tab", name="Training").click()
    expect(page.get_by_role("heading", name="Results per fidelity")).to_be_visible()
    page.get_by_role("tab", name="Repositories").click()
    expect(page.get_by_text("No repository yet")).to_be_visible()
    must_be_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_is_accessible(
    portal: Portal, browser: Browser, session: Any, runs: tuple[int, int], scheme: Any
) -> None:
    context = browser.new_context(
        base_url=portal.address, storage_state=session, viewport=DESKTOP, color_scheme=scheme, reduced_motion="reduce"
    )
    watched = Watched(context.new_page())
    opened(watched.page, runs[0])
    must_be_accessible(watched.page)
    for tab in ("algorithms", "space", "timeline", "events"):
        show(watched.page, tab)
        watched.page.wait_for_load_state("networkidle")
        must_be_accessible(watched.page)
    watched.must_be_clean()
    context.close()


def test_a_large_run_is_live_and_says_how_many_it_draws(page: Page, portal: Portal) -> None:
    opened(page, seeded(portal, 4000))  # its snapshot is larger than a message may be
    expect(page.locator("[data-run=connection]")).to_have_text("live")
    counted = re.compile(r"^(\d{1,3}|\d,\d{3}) of \d,\d{3} candidates$")
    expect(page.locator("#pareto [data-count]")).to_have_text(counted)
    show(page, "candidates")
    in_view(page, "#parallel")
    expect(page.locator("#parallel [data-count]")).to_have_text(counted)


def test_without_webgl_the_plane_is_left_and_space_says_why(page: Page, runs: tuple[int, int]) -> None:
    page.add_init_script(f"({NO_WEBGL})()")
    opened(page, runs[0], "?dim=3")
    expect(page.get_by_role("button", name="3-D")).to_be_disabled()
    show(page, "candidates")
    in_view(page, "#parallel")


def test_events_that_pour_in_cost_two_redraws_a_second(page: Page, runs: tuple[int, int]) -> None:
    page.add_init_script(f"({OWN_SOCKET})()")
    snapshot = page.request.get(f"/runs/{runs[0]}/snapshot/").json()
    page.goto(f"/runs/{runs[0]}/")
    page.evaluate("(frame) => feed([frame])", snapshot)
    plotted(page)
    redraws = page.evaluate(
        """async (seq) => {
          const drawn = new Map();
          const { react } = Plotly;
          Plotly.react = (box, ...rest) => { drawn.set(box, (drawn.get(box) ?? 0) + 1); return react(box, ...rest); };
          globalThis.sketched = 0;
          new MutationObserver((changes) => {
            const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
            sketched += added.filter((node) => node.matches?.(".sketch")).length;
          }).observe(document.querySelector("#pareto .plot"), { childList: true, subtree: true });
          const until = performance.now() + 3000;
          for (let number = 1000; performance.now() < until; number += 1) {
            const values = { accuracy: 0.9, latency: 1, params: 5e4 };
            const payload = { number, values, status: "done", fidelity: 5, curve: [] };
            const at = new Date().toISOString();
            feed([{ type: "event", seq: seq + number, kind: "EvaluationFinished", payload, at }]);
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          return Math.max(...drawn.values());
        }""",
        snapshot["seq"],
    )
    assert 1 <= redraws <= 3 * 2 + 1
    assert page.evaluate("sketched") > 10, "new points wait for the next redraw"
    expect(page.locator("#pareto .sketch")).to_have_count(0)


def test_a_lone_candidate_stands_in_room_of_its_own_size(page: Page, runs: tuple[int, int]) -> None:
    """plotly's room around one value is one unit to each side: accuracies from -5 to 195 %."""
    page.add_init_script(f"({OWN_SOCKET})()")
    snapshot = page.request.get(f"/runs/{runs[0]}/snapshot/").json()
    lone, other = [each for each in snapshot["candidates"] if each["status"] == "done"][:2]
    page.goto(f"/runs/{runs[0]}/")
    page.evaluate("(frame) => feed([frame])", snapshot | {"candidates": [lone]})
    plotted(page)
    axis = "document.querySelector('#pareto .js-plotly-plot')._fullLayout.yaxis"
    low, high = page.evaluate(f"{axis}.range")
    assert 0 < low < lone["values"]["accuracy"] < high < 1.1
    event = {"type": "event", "kind": "EvaluationFinished", "seq": snapshot["seq"] + 1, "at": snapshot["now"]}
    page.evaluate("(frame) => feed([frame])", event | {"payload": other | {"number": 1000}})
    page.wait_for_function(f"() => {axis}.autorange === true")


def test_a_deleted_run_is_said_to_be_gone_while_sockets_are_down(context: BrowserContext, portal: Portal) -> None:
    page = context.new_page()  # the run is not found on purpose: its console is not clean
    page.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006 }), 10); } }"
    )
    doomed = seeded(portal, 24)
    page.goto(f"/runs/{doomed}/")
    expect(page.locator("[data-run=connection]")).to_have_text("live, by polling", timeout=30_000)
    other = context.new_page()
    other.goto(f"/runs/{doomed}/")
    other.get_by_label("More about this run").click()
    other.get_by_role("button", name="Delete", exact=True).click()
    other.get_by_role("button", name="Delete the run").click()
    expect(other.get_by_text("was deleted")).to_be_visible()
    expect(page.locator("[data-run=connection]")).to_have_text("deleted, or no longer shared with you", timeout=15_000)
    other.close()


def test_the_keyboard_alone_reaches_every_view(page: Page, runs: tuple[int, int]) -> None:
    opened(page, runs[0])
    page.locator("#tab-progress").focus()
    for tab in ("candidates", "algorithms", "space", "timeline", "events", "spec"):
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#panel-{tab}")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator("#panel-progress")).to_be_visible()
