"""Hardware that a network may be meant for: one file each, its numbers with their sources."""

from architectures.registry import Registry
from profiling.targets.target import Source, Target

registry: Registry[Target] = Registry("hardware target", __name__)
register = registry.register
names = registry.names
get = registry.get

__all__ = ["Source", "Target", "get", "names", "register"]
