"""The page of hardware targets: what a target's estimates are made of, and where each number comes from."""

from dataclasses import fields

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from profiling import targets

UNITS = {
    "peak_macs_per_s": ("Peak arithmetic", "MACs/s"),
    "bytes_per_s": ("Memory bandwidth", "B/s"),
    "cache_bytes": ("Cache size", "B"),
    "cache_bytes_per_s": ("Cache bandwidth", "B/s"),
    "kernel_overhead_s": ("Kernel launch overhead", "s"),
    "memory_bytes": ("Memory for activations", "B"),
    "storage_bytes": ("Storage for weights", "B"),
    "picojoules_per_mac": ("Energy per multiply-add", "pJ"),
    "picojoules_per_byte": ("Energy per byte from memory", "pJ"),
    "picojoules_per_cached_byte": ("Energy per byte from cache", "pJ"),
    "dense_share": ("Share of the peak, many channels", ""),
    "depthwise_share": ("Share of the peak, one channel", ""),
}


@require_safe
def hardware(request: HttpRequest) -> HttpResponse:
    """Every registered target, this machine first."""
    names = sorted(targets.names(), key=lambda name: not targets.get(name).device)
    listed = [(name, targets.get(name), figures(targets.create(name)), sources(targets.get(name))) for name in names]
    return render(request, "profiling/targets.html", {"targets": listed})


def figures(target: targets.Target) -> list[tuple[str, float, str]]:
    """Each number with its name and its unit."""
    named = [
        (UNITS.get(each.name, (each.name.replace("_", " "), "")), getattr(target, each.name)) for each in fields(target)
    ]
    return [(title, value, unit) for (title, unit), value in named]


def sources(target: type[targets.Target]) -> list[tuple[str, str]]:
    """Lists the source of each number, the numbers named as they are shown."""
    return [(", ".join(title_of(name) for name in each.of.split(", ")), each.says) for each in target.sources]


def title_of(name: str) -> str:
    return UNITS.get(name, (name.replace("_", " ").capitalize(), ""))[0]
