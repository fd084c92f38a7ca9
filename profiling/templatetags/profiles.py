"""Predicted against measured, and the roofline: points between two logarithmic axes, as SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from profiling.calibration import Fit
from profiling.meters.roofline import Prediction
from profiling.targets import Target

register = template.Library()
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 300, 64, 38, 10, 16
Point = tuple[float, float]


@dataclass(frozen=True)
class Logarithmic:
    """A frame whose axes are decades."""

    x: Point
    y: Point

    @classmethod
    def around(cls, points: Sequence[Point]) -> "Logarithmic":
        return cls(span([x for x, _ in points]), span([y for _, y in points]))

    def place(self, x: float, y: float) -> Point:
        return (
            LEFT + share(x, self.x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - share(y, self.y) * (HEIGHT - BOTTOM - TOP),
        )

    def line(self, points: Iterable[Point]) -> str:
        return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in (self.place(*point) for point in points))

    def grid(self) -> SafeString:
        floor = HEIGHT - BOTTOM
        across = format_html_join(
            "",
            '<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
            (
                (LEFT, WIDTH - RIGHT, f"{y:.1f}", f"{y:.1f}", LEFT - 6, f"{y + 4:.1f}", told(value))
                for value, y in ((value, self.place(self.x[0], value)[1]) for value in decades(self.y))
            ),
        )
        below = format_html_join(
            "",
            '<text x="{}" y="{}" text-anchor="middle">{}</text>',
            ((f"{self.place(value, self.y[0])[0]:.1f}", floor + 16, told(value)) for value in decades(self.x)),
        )
        return format_html('<g class="grid-lines">{}{}</g>', across, below)


def span(values: Sequence[float]) -> Point:
    least, most = math.log10(min(values)), math.log10(max(values))
    room = max(0.08 * (most - least), 0.1)
    return 10 ** (least - room), 10 ** (most + room)


def share(value: float, between: Point) -> float:
    least, most = (math.log10(each) for each in between)
    return (math.log10(value) - least) / (most - least)


def decades(between: Point) -> list[float]:
    """1, 2 and 5 of each decade; of many decades only the powers of ten."""
    first, last = math.floor(math.log10(between[0])), math.ceil(math.log10(between[1]))
    steps = (1,) if last - first > 3 else (1, 2, 5)
    marks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [mark for mark in marks if between[0] <= mark <= between[1]]


def told(value: float) -> str:
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if value >= size:
            return f"{value / size:g} {prefix}"
    return f"{value:g}"


def frame(label: str, axes: Logarithmic, content: SafeString, x_title: str, y_title: str) -> SafeString:
    return format_html(
        '<svg class="small-plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}<text class="axis" x="{}" y="{}" '
        'text-anchor="end">{}</text><text class="axis" x="{}" y="{}">{}</text></svg>',
        *(WIDTH, HEIGHT, label, axes.grid(), content, WIDTH - RIGHT, HEIGHT - 4, x_title, LEFT + 6, TOP + 10, y_title),
    )


@register.simple_tag
def fit_plot(fit: Fit) -> SafeString | str:
    """Predicted against measured; on the line both agree."""
    points = [(measured, predicted) for measured, predicted in fit.points if measured > 0 and predicted > 0]
    if not points:
        return ""
    both = span([each for point in points for each in point])
    axes = Logarithmic(both, both)
    dots = format_html_join("", '<circle cx="{}" cy="{}" r="3"/>', _strings(axes, points))
    content = format_html(
        '<g class="series-2"><path d="{}"/></g><g class="series-1">{}</g>',
        axes.line([(both[0], both[0]), (both[1], both[1])]),
        dots,
    )
    label = f"Predicted against measured latency of {len(points)} networks, rank correlation {fit.spearman:.3f}"
    return frame(label, axes, content, "measured, ms", "predicted, ms")


def _strings(axes: Logarithmic, points: Iterable[Point]) -> Iterable[tuple[str, str]]:
    return ((f"{x:.1f}", f"{y:.1f}") for x, y in (axes.place(*point) for point in points))


@register.simple_tag
def roofline_plot(prediction: Prediction, target: Target) -> SafeString | str:
    """Each kernel by its MACs per byte and the MACs per second that the model gives it, below the target's roof."""
    kernels = [
        (node, (node.macs / node.bytes_moved, node.macs / node.seconds)) for node in prediction.nodes if node.macs
    ]
    if not kernels:
        return ""
    peak, bandwidth = target.peak_macs_per_s, prediction.bytes_per_s
    ridge = peak / bandwidth
    points = [point for _, point in kernels]
    axes = Logarithmic.around([*points, (ridge, peak)])
    roof = [(axes.x[0], axes.x[0] * bandwidth), (ridge, peak), (axes.x[1], peak)]
    lowest = axes.y[0] / bandwidth
    roof[0] = (lowest, axes.y[0]) if lowest > axes.x[0] else roof[0]
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="4" class="{}"><title>{}: {}</title></circle>',
        (
            (*where, node.bound, node.name, node.bound)
            for (node, _), where in zip(kernels, _strings(axes, points), strict=True)
        ),
    )
    content = format_html('<g class="series-2"><path d="{}"/></g><g class="series-1">{}</g>', axes.line(roof), dots)
    bounds = ", ".join(
        f"{sum(node.bound == bound for node, _ in kernels)} bound by {bound}"
        for bound in ("arithmetic", "memory", "overhead")
    )
    return frame(f"Roofline of {len(kernels)} kernels: {bounds}", axes, content, "MACs per byte", "MACs per second")
