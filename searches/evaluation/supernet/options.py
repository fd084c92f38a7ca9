"""How a supernet is trained: the options that the darts algorithm shows, and its steps get. No torch here."""

from collections.abc import Iterator
from dataclasses import dataclass

from architectures.options import option

VARIANTS = ("gdas", "darts", "pc_darts")
MOST_WEIGHTS = 5  # a report holds the alphas of each, and has a largest size
COSTS = ("flops", "params", "memory", "latency")


@dataclass
class SupernetOptions:
    variant: str = option(
        "gdas",
        "trains one drawn path (gdas), all operations (darts), or all on a share of the channels (pc_darts)",
        choices=VARIANTS,
    )
    order: int = option(
        1, "2 looks one step of the weights ahead", label="order of the gradient", choices=(1, 2), advanced=True
    )
    epochs: int = option(50, "epochs of the supernet's training", label="epochs of the supernet", min=1, max=1000)
    warmup: float = option(
        0.3, "share of the epochs before the architecture parameters learn", min=0.0, max=0.9, advanced=True
    )
    rate: float = option(
        0.1,
        "learning rate of the shared weights",
        label="learning rate of the weights",
        min=1e-05,
        max=5.0,
        advanced=True,
    )
    alpha_rate: float = option(
        0.05,
        "learning rate of the architecture parameters",
        label="learning rate of the architecture",
        min=1e-05,
        max=1.0,
        advanced=True,
    )
    temperature: float = option(
        1.0,
        "temperature of the choices at the beginning; lower is more decided",
        label="first temperature",
        min=0.05,
        max=20.0,
        advanced=True,
    )
    final_temperature: float = option(
        0.5, "temperature of the choices at the end", label="last temperature", min=0.05, max=20.0, advanced=True
    )
    share: int = option(
        4,
        "one channel in this many is computed by pc_darts",
        label="channels per computed channel",
        min=2,
        max=16,
        advanced=True,
    )
    cost: str = option(
        "flops", "the cost that the architecture parameters avoid; latency is estimated", choices=COSTS, advanced=True
    )
    cost_weights: str = option(
        "0,0.2,1", "weights of the cost, separated by commas; each has its own architecture parameters", advanced=True
    )
    auxiliary: float = option(
        1.0,
        "strength of skip connections beside all choices, which fade to 0; they guard against collapse",
        label="auxiliary skip connections",
        min=0.0,
        max=2.0,
        advanced=True,
    )
    skip_dropout: float = option(
        0.2,
        "how often skip connections are left out at the beginning; this guards against collapse",
        label="dropout of skip connections",
        min=0.0,
        max=0.9,
        advanced=True,
    )
    max_skip_share: float = option(
        0.5,
        "largest share of skip connections in a derived network; 1 switches this guard off",
        label="share of skip connections, at most",
        min=0.05,
        max=1.0,
        advanced=True,
    )
    eigenvalue_growth: float = option(
        0.0,
        "growth of the largest eigenvalue of the architecture's Hessian that stops the training, such as 1.33; 0: off",
        label="eigenvalue growth that stops",
        min=0.0,
        max=10.0,
        advanced=True,
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
            wanted = f"must be 1 to {MOST_WEIGHTS} numbers from 0 to 100, separated by commas"
            yield "cost_weights", f"{wanted}, but is {self.cost_weights[:40]!r}"


def is_weight(text: str) -> bool:
    try:
        return 0 <= float(text) <= 100
    except ValueError:
        return False
