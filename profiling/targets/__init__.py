"""Hardware that a network may be meant for: one file each, its numbers with their sources."""

from architectures.registry import Registry, UnknownName
from profiling.targets.target import Source, Target

registry: Registry[Target] = Registry("hardware target", __name__)
register = registry.register
names = registry.names
AT = "@"  # raspberry_pi_4@7: the portal's device number 7, which is of this kind


def get(name: str) -> type[Target]:
    """Returns the class of a target, or of the kind that a device is of. Raises UnknownName where there is none."""
    kind, at, number = name.partition(AT)
    if at and not (number.isdecimal() and len(number) < 19 and int(number)):
        raise UnknownName("device", number, ())
    return registry.get(kind)


def create(name: str) -> Target:
    """The target with its published numbers; a calibration replaces them."""
    return get(name)()  # type: ignore[call-arg]  # each registered target gives all numbers as defaults


def device_number(name: str) -> int | None:
    """The number of the device that a target names, or None: it names a kind of hardware."""
    number = name.partition(AT)[2]
    return int(number) if number else None


def is_measured(name: str) -> bool:
    """Returns whether latency is measured for the target, on this machine or on a device, rather than estimated."""
    return bool(get(name).device) or device_number(name) is not None


__all__ = ["Source", "Target", "create", "device_number", "get", "is_measured", "names", "register"]
