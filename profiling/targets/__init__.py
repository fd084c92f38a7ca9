"""Hardware that a network may be meant for: one file each, its numbers with their sources."""

from architectures.registry import Registry
from profiling.targets.target import Source, Target

registry: Registry[Target] = Registry("hardware target", __name__)
register = registry.register
names = registry.names
get = registry.get


def create(name: str) -> Target:
    """The target with its published numbers; a calibration replaces them (``dataclasses.replace``)."""
    return get(name)()  # type: ignore[call-arg]  # each registered target gives all numbers as defaults


__all__ = ["Source", "Target", "create", "get", "names", "register"]
