"""Which figures of a target are estimates, before any of them is there: what carries ≈ on pages."""

from profiling import targets
from profiling.meters.energy import counter_of


def is_modelled(quantity: str, target_name: str) -> bool:
    """``quantity`` as evaluators call their values: latency_ms, energy_mj; whatever else there is, is counted."""
    if quantity == "latency_ms":
        return not targets.is_measured(target_name)
    return quantity == "energy_mj" and counter_of(targets.create(target_name)) is None
