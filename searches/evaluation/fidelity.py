"""The fidelity ladder that a spec asks for: rungs from cheap to dear, and the full training of the front. No torch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

SUPERNET = "supernet"  # the proxy that has to be trained first, and has to earn its trust
PROXIES = ("", "naswot", "synflow", "grad_norm", "zen", SUPERNET)
PROMOTIONS = ("accuracy", "training_loss")
TRAINING_LOSS = "training_loss"  # among the values of a rung that promotes by it
PROXY_FIDELITY = 0  # epochs
PROXY_BATCH = 64  # images that a proxy looks at
MOST_RUNGS, MOST_EPOCHS, MOST_REPLICAS = 8, 1000, 64


@dataclass(frozen=True)
class Ladder:
    """Every network is measured on the first rung; the best 1/eta of each rung are measured on the next one."""

    rungs: str = field(
        default="", metadata={"help": "epochs of each rung by comma, such as 2,6,18; empty: one, the recipe's epochs"}
    )
    eta: int = field(default=3, metadata={"min": 2, "max": 100, "help": "one of so many is promoted to the next rung"})
    proxy: str = field(
        default="",
        metadata={
            "choices": PROXIES,
            "help": "a rung below the first: a score of the untrained network, or the accuracy that it inherits from a "
            "supernet of all networks (chain and mobile), which is used only if its order proves right",
        },
    )
    supernet_epochs: int = field(
        default=12, metadata={"min": 1, "max": MOST_EPOCHS, "help": "of the supernet, where it is the proxy"}
    )
    trial_networks: int = field(
        default=10,
        metadata={
            "min": 4,
            "max": 100,
            "help": "where the supernet is the proxy, so many networks at the beginning are judged by it and by the "
            "next rung; unless the two agree, its rung is skipped",
        },
    )
    promote_by: str = field(
        default="accuracy",
        metadata={
            "choices": PROMOTIONS,
            "help": "what stands for accuracy when a trained rung promotes: after one or two epochs the training loss "
            "ranks better; fronts and values show accuracy either way",
        },
    )
    final_epochs: int | None = field(
        default=None,
        metadata={"min": 1, "max": MOST_EPOCHS, "help": "of the front's full training at the end; above the last rung"},
    )
    final_seeds: int = field(
        default=3, metadata={"min": 1, "max": 10, "help": "trainings of each network of the front at the end"}
    )
    final_networks: int = field(
        default=8,
        metadata={"min": 1, "max": 1000, "help": "of the front at the end, at most: who holds most hypervolume alone"},
    )
    final_replicas: int = field(
        default=1,
        metadata={
            "min": 1,
            "max": MOST_REPLICAS,
            "help": "processes that share each full training of the front, on a GPU each where there are enough",
        },
    )

    def faults(self, epochs: int) -> Iterator[tuple[str, str]]:
        """Field and message; ``epochs`` are the recipe's."""
        texts = [text.strip() for text in self.rungs.split(",")] if self.rungs else []
        if not all(text.isdecimal() and 1 <= int(text) <= MOST_EPOCHS for text in texts) or len(texts) > MOST_RUNGS:
            wanted = f"must be up to {MOST_RUNGS} whole numbers from 1 to {MOST_EPOCHS:,} by comma"
            yield "rungs", f"{wanted}, but is {self.rungs[:40]!r}"
            return
        rungs = self.epochs(epochs)
        if any(upper <= lower for lower, upper in pairwise(rungs)):
            yield "rungs", f"must rise from rung to rung, but is {self.rungs[:40]!r}"
        if self.final_epochs is not None and self.final_epochs <= rungs[-1]:
            yield "final_epochs", f"must be above the last rung ({rungs[-1]} epochs), but is {self.final_epochs}"

    def epochs(self, recipe_epochs: int) -> tuple[int, ...]:
        """Of the rungs that train."""
        return tuple(int(text) for text in self.rungs.split(",")) if self.rungs else (recipe_epochs,)

    def mean_epochs(self, recipe_epochs: int) -> float:
        """Of a network, when one of eta climbs from each rung; the full training of the front is not in it."""
        below = 1 if self.proxy else 0
        return sum(epochs / float(self.eta) ** (rung + below) for rung, epochs in enumerate(self.epochs(recipe_epochs)))

    def begun_epochs(self, recipe_epochs: int) -> float:
        """Of a supernet's training, and of the networks on trial that would not have climbed otherwise."""
        if self.proxy != SUPERNET:
            return 0.0
        return self.supernet_epochs + self.trial_networks * self.epochs(recipe_epochs)[0] * (1 - 1 / self.eta)

    def fidelities(self, recipe_epochs: int) -> tuple[int, ...]:
        """Of all rungs, from cheap to dear."""
        return ((PROXY_FIDELITY,) if self.proxy else ()) + self.epochs(recipe_epochs)
