"""front.html: the front as an interactive plot in one file that asks no other host for anything."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from searches import objectives

MOST_POINTS = 5000  # of an SVG scatter; the page says when it leaves some out


def page(front: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """Every candidate, the front and the choice; ``front`` is the document of front.json."""
    from plotly import graph_objects

    names = front["spec"]["objectives"]
    on_front = {entry["number"] for entry in front["front"]}
    done = [entry for entry in lines if entry["status"] == "done"]
    others = [entry for entry in done if entry["number"] not in on_front]
    shown = others[-MOST_POINTS:]
    members = [entry for entry in done if entry["number"] in on_front]
    chosen = [entry for entry in members if entry["number"] == front["chosen"]]
    figure = graph_objects.Figure(
        [
            trace("evaluated", shown, names, color="#9aa0a6", size=7),
            trace("Pareto front", members, names, color="#1a6fb5", size=10),
            trace("chosen", chosen, names, color="#c2410c", size=16, symbol="star"),
        ]
    )
    x, y = axes(names)
    figure.update_layout(
        title=escape(title(front, len(shown), len(others))),
        xaxis_title=label(x),
        yaxis_title=label(y),
        template="plotly_white",
    )
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def title(front: Mapping[str, Any], shown: int, others: int) -> str:
    spec = front["spec"]
    text = f"{spec['algorithm']} on {spec['dataset']}: {len(front['front'])} of {front['evaluations']} on the front"
    return text if shown == others else f"{text}; the newest {shown} of the other {others} are drawn"


def axes(names: Sequence[str]) -> tuple[str, str]:
    """The first further objective against the first; with one objective, the number of the candidate."""
    return (names[1] if len(names) > 1 else "number"), names[0]


def label(name: str) -> str:
    if name == "number":
        return "number"
    objective = objectives.get(name)
    return f"{objective.title} ({objective.unit})" if objective.unit else objective.title


def trace(
    name: str,
    entries: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    color: str,
    size: int,
    symbol: str = "circle",
) -> Any:
    from plotly import graph_objects

    x, y = axes(names)
    return graph_objects.Scatter(
        name=name,
        x=[entry["number"] if x == "number" else entry["values"][x] for entry in entries],
        y=[entry["values"][y] for entry in entries],
        text=[hover(entry, names) for entry in entries],
        hoverinfo="text",
        mode="markers",
        marker={"color": color, "size": size, "symbol": symbol},
    )


def hover(entry: Mapping[str, Any], names: Sequence[str]) -> str:
    rows = [f"number {entry['number']}", *(f"{label(name)}: {entry['values'][name]:.6g}" for name in names)]
    return "<br>".join(escape(row) for row in (*rows, entry["change"]))
