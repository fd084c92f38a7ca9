"""Plots that the server draws as SVG: sparklines, learning curves, a place on the front. No script, no waiting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, pi, sin
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from searches import objectives
from searches.formatting import figure
from searches.selectors.metrics import measure

register = template.Library()

Curve = Sequence[Sequence[float | None]]  # epoch, training loss, validation accuracy
ACCURACY = 2
SPARK_WIDTH, SPARK_HEIGHT = 96, 24


def accuracies(curve: Curve) -> list[tuple[float, float]]:
    """Epoch and validation accuracy, where both are known."""
    known = [point for point in curve if len(point) > ACCURACY]
    return [(epoch, value) for epoch, _, value in known if epoch is not None and value is not None]


@register.simple_tag
def sparkline(curve: Curve) -> SafeString | str:
    """The validation accuracy of a learning curve, on a scale from 0 to 1."""
    values = [value for _, value in accuracies(curve)]
    if not values:
        return ""
    step = SPARK_WIDTH / max(1, len(values) - 1)
    points = [(index * step, SPARK_HEIGHT - 1 - value * (SPARK_HEIGHT - 2)) for index, value in enumerate(values)]
    label = f"Validation accuracy from {values[0]:.3f} to {values[-1]:.3f} in {len(values)} epochs"
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}"><path d="{}"/>'
        '<circle cx="{}" cy="{}" r="1.8"/></svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        label,
        line(points),
        *(f"{value:.1f}" for value in points[-1]),
    )


def line(points: Sequence[tuple[float, float]]) -> str:
    """The `d` of a path through the points."""
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in points)


@dataclass(frozen=True)
class Axes:
    """A frame with a scale in both directions."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 560
    height: int = 240
    left: int = 52
    bottom: int = 34
    top: int = 10
    right: int = 14

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            self.left + across * (self.width - self.left - self.right),
            self.height - self.bottom - up * (self.height - self.top - self.bottom),
        )

    def grid(self, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]]) -> SafeString:
        """Lines and numbers."""
        floor = self.height - self.bottom
        across = format_html_join(
            "",
            '<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
            (
                (self.left, self.width - self.right, f"{y:.1f}", f"{y:.1f}", self.left - 6, f"{y + 4:.1f}", text)
                for y, text in ((self.place(self.x[0], value)[1], text) for value, text in y_ticks)
            ),
        )
        below = format_html_join(
            "",
            '<text x="{}" y="{}" text-anchor="middle">{}</text>',
            ((f"{self.place(value, self.y[0])[0]:.1f}", floor + 16, text) for value, text in x_ticks),
        )
        return format_html('<g class="grid-lines">{}{}</g>', across, below)


@register.simple_tag
def curve_plot(curves: Sequence[tuple[str, Curve]]) -> SafeString | str:
    """Validation accuracy over epochs, one line per candidate; each has its colour and its name at its end."""
    known = [(name, accuracies(curve)) for name, curve in curves]
    known = [(name, points) for name, points in known if points]
    if not known:
        return ""
    last = max(epoch for _, points in known for epoch, _ in points)
    lowest = min(value for _, points in known for _, value in points)
    floor = max(0.0, int(lowest * 10) / 10)
    axes = Axes((0, last), (floor, 1.0), right=44)
    y_ticks = [(floor + (1 - floor) * step / 4, f"{(floor + (1 - floor) * step / 4) * 100:.0f} %") for step in range(5)]
    stride = max(1, round(last / 10))
    x_ticks = [(float(epoch), str(epoch)) for epoch in range(0, int(last) + 1, stride)]
    placed = [(name, [axes.place(epoch, value) for epoch, value in points]) for name, points in known]
    heights = apart([places[-1][1] for _, places in placed])
    lines = format_html_join(
        "",
        '<g class="series-{}"><path d="{}"/>{}<text class="name" x="{}" y="{}">{}</text></g>',
        (
            (number % 7 + 1, line(places), dots(places), f"{places[-1][0] + 8:.1f}", f"{height + 4:.1f}", name)
            for number, ((name, places), height) in enumerate(zip(placed, heights, strict=True))
        ),
    )
    label = "; ".join(
        f"{name} ends at {points[-1][1] * 100:.1f} % after epoch {points[-1][0]:g}" for name, points in known
    )
    return frame(axes, axes.grid(x_ticks, y_ticks), lines, f"Validation accuracy per epoch: {label}", "epoch")


def apart(heights: Sequence[float], room: float = 13.0) -> list[float]:
    """The heights, moved down where names would lie on each other."""
    moved: dict[int, float] = {}
    lowest = float("-inf")
    for index in sorted(range(len(heights)), key=lambda index: heights[index]):
        lowest = moved[index] = max(heights[index], lowest + room)
    return [moved[index] for index in range(len(heights))]


def dots(places: Sequence[tuple[float, float]]) -> SafeString:
    """A dot for each point, so that a single epoch is seen, too."""
    return format_html_join("", '<circle cx="{}" cy="{}" r="2.5"/>', ((f"{x:.1f}", f"{y:.1f}") for x, y in places))


def frame(axes: Axes, grid: SafeString, content: SafeString, label: str, x_title: str, role: str = "img") -> SafeString:
    """The plot as a whole; one with links in it is a group, not an image."""
    return format_html(
        '<svg class="small-plot" viewBox="0 0 {} {}" role="{}" aria-label="{}">{}{}<text class="axis" x="{}" y="{}" '
        'text-anchor="end">{}</text></svg>',
        axes.width,
        axes.height,
        role,
        label,
        grid,
        content,
        axes.width - axes.right,
        axes.height - 2,
        x_title,
    )


@register.simple_tag
def front_plot(place: Any, names: Sequence[str], target: str) -> SafeString | str:
    """The front in its first gain and first cost, with this candidate as a ring."""
    gains = [name for name in names if objectives.get(name).direction == "maximise"]
    costs = [name for name in names if objectives.get(name).direction == "minimise"]
    if not gains or not costs:
        return ""
    x, y = measure(costs[0], True, target), measure(gains[0], True, target)
    points = [(each["number"], each["values"]) for each in place.front]
    known = [
        (number, values[x.name], values[y.name]) for number, values in points if x.name in values and y.name in values
    ]
    mine = _own(place.values, x.name, y.name)
    everything = [(across, up) for _, across, up in known] + ([mine] if mine else [])
    if not everything:
        return ""
    axes = Axes(
        _span([across for across, _ in everything]), _span([up for _, up in everything]), height=220, left=60, right=36
    )
    if y.unit == "%":
        axes = replace(axes, y=(axes.y[0], min(1.0, axes.y[1])))
    members = format_html_join(
        "",
        '<a href="../{}/" aria-label="Candidate {}"><circle class="member" cx="{}" cy="{}" r="5">'
        "<title>#{}</title></circle></a>",
        ((number, number, *(f"{each:.1f}" for each in axes.place(across, up)), number) for number, across, up in known),
    )
    ring = format_html('<circle class="own" cx="{}" cy="{}" r="9"/>', *axes.place(*mine)) if mine else ""
    ticks = [[(low + (high - low) * step / 3) for step in range(4)] for low, high in (axes.x, axes.y)]
    grid = axes.grid(
        [(value, figure(value, x.unit)) for value in ticks[0]], [(value, figure(value, y.unit)) for value in ticks[1]]
    )
    label = f"{len(known)} candidates of the front by {x.noun} and {y.noun}"
    return frame(axes, grid, format_html("{}{}", members, ring), label, x.noun, role="group")


def _own(values: Mapping[str, float], x: str, y: str) -> tuple[float, float] | None:
    return (values[x], values[y]) if x in values and y in values else None


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Returns a range from below the least to above the greatest, so that no point sits on the frame."""
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1) * 0.08
    return max(0.0, low - room) if low >= 0 else low - room, high + room


RADAR, RADIUS = 340, 112


@register.simple_tag
def radar_plot(standing: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> SafeString | str:
    """One polygon a candidate over the measures that all have; the rim is the best of them."""
    titles = [title for title, _ in standing[0][1]] if standing else []
    if len(titles) < 3 or any(len(shares) != len(titles) for _, shares in standing):
        return ""
    rings = format_html_join(
        "", '<circle class="ring" cx="0" cy="0" r="{}"/>', ((f"{RADIUS * step / 4:.0f}",) for step in range(1, 5))
    )
    spokes = [_spoke(index, len(titles), RADIUS) for index in range(len(titles))]
    ends = format_html_join("", '<line x1="0" y1="0" x2="{}" y2="{}"/>', ((f"{x:.1f}", f"{y:.1f}") for x, y in spokes))
    names = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        (
            (f"{x:.1f}", f"{y + 4:.1f}", "middle" if abs(x) < 12 else "start" if x > 0 else "end", title)
            for title, (x, y) in (
                (title, _spoke(index, len(titles), RADIUS + 12)) for index, title in enumerate(titles)
            )
        ),
    )
    polygons = format_html_join(
        "",
        '<g class="series-{}"><path class="area" d="{} Z"/><title>{}</title></g>',
        (
            (
                number % 7 + 1,
                line([_spoke(index, len(titles), RADIUS * share) for index, (_, share) in enumerate(shares)]),
                name,
            )
            for number, (name, shares) in enumerate(standing)
        ),
    )
    words = "; ".join(
        f"{name}: " + ", ".join(f"{title} {share:.2f}" for title, share in shares) for name, shares in standing
    )
    return format_html(
        '<svg class="small-plot radar" viewBox="{} {} {} {}" role="img" aria-label="{}">'
        '<g class="grid-lines">{}{}{}</g>{}</svg>',
        -RADAR * 0.62,
        -RADAR / 2.4,
        RADAR * 1.24,
        RADAR / 1.2,
        f"Shares of the best, by measure. {words}",
        rings,
        ends,
        names,
        polygons,
    )


def _spoke(index: int, count: int, length: float) -> tuple[float, float]:
    angle = 2 * pi * index / count - pi / 2
    return length * cos(angle), length * sin(angle)


@register.simple_tag
def profile_bars(profiles: Sequence[tuple[str, Sequence[Any]]], what: str) -> SafeString | str:
    """A bar for each candidate, cut into the blocks of its network in their order; all have one scale."""
    totals = [sum(getattr(block, what) for block in blocks) for _, blocks in profiles]
    longest = max(totals, default=0)
    if not longest:
        return ""
    unit = {"milliseconds": "ms"}.get(what, "")
    rows = format_html_join(
        "",
        '<div class="profile-row"><span class="profile-name">{}</span><span class="profile-bar">{}</span>'
        '<span class="number">{}{}</span></div>',
        (
            (name, _blocks(blocks, what, longest, unit), "≈\u202f" if unit else "", figure(total, unit))
            for (name, blocks), total in zip(profiles, totals, strict=True)
        ),
    )
    return format_html('<div class="profile">{}</div>', rows)


def _blocks(blocks: Sequence[Any], what: str, longest: float, unit: str) -> SafeString:
    return format_html_join(
        "",
        '<i class="series-{}" style="width: {}%" title="{} ({}): {}"></i>',
        (
            (
                number % 7 + 1,
                f"{100 * getattr(block, what) / longest:.2f}",
                block.name,
                block.label,
                figure(getattr(block, what), unit),
            )
            for number, block in enumerate(blocks)
            if getattr(block, what)
        ),
    )


COLUMN, LANE = 86, 44  # of the tree of ancestors


@register.simple_tag
def lineage_plot(lineage: Any) -> SafeString | str:
    """The tree of ancestors, the candidate at the right, those drawn at random at their left."""
    levels = lineage.levels
    if len(levels) < 2:
        return ""
    deepest = max(levels.values())
    lanes: dict[int, int] = {}
    places = {}
    main = {each.number for each in lineage.main_line}
    for number in sorted(levels, key=lambda number: (levels[number], number not in main, -number)):
        lane = lanes.get(levels[number], 0)
        lanes[levels[number]] = lane + 1
        places[number] = (30 + (deepest - levels[number]) * COLUMN, 24 + lane * LANE)
    members = [lineage.members[number] for number in levels]
    links = format_html_join(
        "",
        '<path class="{}" d="M{},{} C{},{} {},{} {},{}"/>',
        (
            (
                "main" if member.number in main and parent in main and parent == member.parents[0] else "",
                *_bend(places[parent], places[member.number]),
            )
            for member in members
            for parent in member.parents
            if parent in places
        ),
    )
    nodes = format_html_join(
        "",
        '<a href="../{}/" aria-label="{}"><circle class="{}" cx="{}" cy="{}" r="6"/><title>{}</title>'
        '<text x="{}" y="{}" text-anchor="middle">#{}</text></a>',
        (
            (
                member.number,
                _ancestor_words(member),
                "own" if member.number == lineage.number else "root" if not member.parents else "member",
                *places[member.number],
                _ancestor_words(member),
                places[member.number][0],
                places[member.number][1] + 19,
                member.number,
            )
            for member in members
        ),
    )
    width, height = 60 + deepest * COLUMN, 36 + max(lanes.values()) * LANE
    return format_html(
        '<div class="lineage" tabindex="0" role="group" aria-label="Tree of ancestors">'
        '<svg class="small-plot" viewBox="0 0 {} {}" style="width: {}px; max-width: none" '
        'role="group" aria-label="{} of {} ancestors">{}{}</svg></div>',
        width,
        height,
        width,
        len(levels) - 1,
        lineage.count,
        links,
        nodes,
    )


def _bend(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, ...]:
    middle = (start[0] + end[0]) / 2
    return (start[0] + 7, start[1], middle, start[1], middle, end[1], end[0] - 7, end[1])


def _ancestor_words(member: Any) -> str:
    accuracy = "" if member.accuracy is None else f", {member.accuracy * 100:.1f} %"
    return f"#{member.number}{accuracy}: {member.change or 'drawn at random'}"
