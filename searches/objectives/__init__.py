"""What is optimised: each objective is one file with its direction and unit, counted on the graph or measured."""

from collections.abc import Mapping, Sequence

from architectures.registry import Registry
from searches.objectives.objective import Objective

registry: Registry[Objective] = Registry("objective", __name__)
register = registry.register
names = registry.names
get = registry.get


def loss(name: str, value: float) -> float:
    """The value as ``pareto`` takes it: less is better."""
    return -value if get(name).direction == "maximise" else value


def losses(chosen: Sequence[str], values: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(loss(name, values[name]) for name in chosen)


def ideal_losses(chosen: Sequence[str]) -> tuple[float, ...]:
    """Returns the loss of each objective that no network can be below."""
    return tuple(loss(name, get(name).ideal) for name in chosen)


def facts(chosen: Sequence[str]) -> list[dict[str, str]]:
    """Name, direction and unit, as ``front.json`` and the pages show them."""
    return [{"name": name, "direction": get(name).direction, "unit": get(name).unit} for name in chosen]


__all__ = ["Objective", "facts", "get", "ideal_losses", "loss", "losses", "names", "register"]
