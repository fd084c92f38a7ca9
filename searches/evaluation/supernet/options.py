"""How a supernet is trained: the options that the darts algorithm shows, and its steps get. No torch here."""

from collections.abc import Iterator
from dataclasses import dataclass, field

VARIANTS = ("gdas", "darts", "pc_darts")
MOST_WEIGHTS = 5  # a report tells the alphas of each, and has a largest size
COSTS = ("flops", "params", "memory", "latency")


@dataclass
class SupernetOptions:
    variant: str = field(
        default="gdas",
        metadata={
            "choices": VARIANTS,
            "help": "one drawn path (gdas), all operations (darts), or those on a share of the channels (pc_darts)",
        },
    )
    order: int = field(default=1, metadata={"choices": (1, 2), "help": "2 looks one step of the weights ahead"})
    epochs: int = field(default=50, metadata={"min": 1, "max": 1000, "help": "of the supernet"})
    warmup: float = field(
        default=0.3, metadata={"min": 0.0, "max": 0.9, "help": "share of the epochs before the alphas learn"}
    )
    rate: float = field(default=0.1, metadata={"min": 1e-5, "max": 5.0, "help": "learning rate of the shared weights"})
    alpha_rate: float = field(default=0.05, metadata={"min": 1e-5, "max": 1.0, "help": "learning rate of the alphas"})
    temperature: float = field(
        default=1.0, metadata={"min": 0.05, "max": 20.0, "help": "of the choices at first; lower is more decided"}
    )
    final_temperature: float = field(default=0.5, metadata={"min": 0.05, "max": 20.0, "help": "of the choices at last"})
    share: int = field(
        default=4, metadata={"min": 2, "max": 16, "help": "of so many channels pc_darts computes on one"}
    )
    cost: str = field(
        default="flops", metadata={"choices": COSTS, "help": "that the alphas avoid; latency is an estimate"}
    )
    cost_weights: str = field(
        default="0,0.2,1", metadata={"help": "how much the cost of a mean network matters; alphas for each, by comma"}
    )
    auxiliary: float = field(
        default=1.0,
        metadata={
            "min": 0.0,
            "max": 2.0,
            "help": "skip connections beside all choices, that fade to 0; a guard",
        },
    )
    skip_dropout: float = field(
        default=0.2,
        metadata={"min": 0.0, "max": 0.9, "help": "how often skip connections are left out at first; a guard"},
    )
    max_skip_share: float = field(
        default=0.5,
        metadata={"min": 0.05, "max": 1.0, "help": "of a derived network; a guard, and 1 switches it off"},
    )
    eigenvalue_growth: float = field(
        default=0.0,
        metadata={
            "min": 0.0,
            "max": 10.0,
            "help": "of the alphas' Hessian that stops it, such as 1.33; 0 is off",
        },
    )

    @property
    def weights(self) -> tuple[float, ...]:
        return tuple(float(text) for text in self.cost_weights.split(","))

    @property
    def is_one_path(self) -> bool:
        return self.variant == "gdas"

    @property
    def parts(self) -> int:
        return self.share if self.variant == "pc_darts" else 1

    def faults(self) -> Iterator[tuple[str, str]]:
        texts = [text.strip() for text in self.cost_weights.split(",")]
        if len(texts) > MOST_WEIGHTS or not all(is_weight(text) for text in texts):
            wanted = f"must be 1 to {MOST_WEIGHTS} numbers from 0 to 100 by comma"
            yield "cost_weights", f"{wanted}, but is {self.cost_weights[:40]!r}"


def is_weight(text: str) -> bool:
    try:
        return 0 <= float(text) <= 100
    except ValueError:
        return False
