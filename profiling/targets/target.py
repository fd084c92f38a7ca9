"""What a target says of itself: enough for a roofline of its time and a model of its energy."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple


class Source(NamedTuple):
    """The source of a number; one that nobody published says "assumed" and waits for a calibration."""

    of: str
    says: str


HOROWITZ = Source(
    "energy",
    "M. Horowitz, Computing's energy problem, ISSCC 2014 (doi.org/10.1109/ISSCC.2014.6757323): 45 nm, float32 multiply "
    "3.7 pJ and add 0.9 pJ, an instruction 70 pJ, 64 bits from a 1 MB cache 100 pJ, from DRAM 1,300 pJ. Newer "
    "processes need less: trust the order of networks, and the absolute value within a factor of five",
)
ASSUMED_SHARES = Source(
    "dense_share, depthwise_share",
    "assumed: the share of a core's peak that inference libraries reach in convolutions with many channels, and with "
    "one per filter",
)


@dataclass(frozen=True)
class Target:
    """One image at a time (batch 1) in float32, on one core of a CPU or on a whole GPU.

    A time is the larger one of arithmetic and traffic, plus the overhead of starting a kernel.
    """

    title: ClassVar[str]
    sources: ClassVar[tuple[Source, ...]]
    is_this_machine: ClassVar[bool] = False  # this machine's CPU
    device: ClassVar[str] = ""  # torch's name of the device here that measures it: cpu or cuda; empty: estimated
    fuses: ClassVar[bool] = True  # its runtime folds batch norms and activations into the convolution before them

    peak_macs_per_s: float
    bytes_per_s: float  # from main memory
    cache_bytes: int  # last level; a network that fits is read from it
    cache_bytes_per_s: float
    kernel_overhead_s: float
    memory_bytes: int  # for activations (and, on boards without storage mapping, weights)
    storage_bytes: int  # for weights
    picojoules_per_mac: float
    picojoules_per_byte: float  # main memory
    picojoules_per_cached_byte: float = 12.5
    dense_share: float = 0.5
    depthwise_share: float = 0.1

    def fits(self, weight_bytes: int, activation_peak_bytes: int) -> str | None:
        """Says why a network does not fit, or None."""
        if weight_bytes > self.storage_bytes:
            return f"weights need {weight_bytes:,} bytes; {self.title} has {self.storage_bytes:,} for them"
        if activation_peak_bytes > self.memory_bytes:
            return f"activations need {activation_peak_bytes:,} bytes; {self.title} has {self.memory_bytes:,}"
        return None

    @classmethod
    def absence(cls) -> str:
        """Says why this machine cannot measure for the target, and the way out; empty where it can, or need not."""
        return ""
