"""The fidelity ladder that a spec asks for: rungs from cheap to costly, and full training of the front. No torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from architectures.options import option

SUPERNET = "supernet"  # the proxy that has to be trained first, and has to earn its trust
PROXIES = ("", "naswot", "synflow", "grad_norm", "zen", SUPERNET)
PROMOTIONS = ("accuracy", "training_loss")
TRAINING_LOSS = "training_loss"  # among the values of a rung that promotes by it
PROXY_FIDELITY = 0  # epochs
PROXY_BATCH = 64  # images that a proxy looks at
MOST_RUNGS, MOST_EPOCHS, MOST_REPLICAS = 8, 1000, 64


@dataclass(frozen=True)
class Ladder:
    """Every network is measured on the first rung; the best of each rung, one in eta, are measured on the next."""

    rungs: str = option(
        "",
        "epochs of each rung, separated by commas, such as 2,6,18; empty: one rung with the epochs of the training",
        empty="a single rung",
    )
    eta: int = option(
        3, "one in eta networks is promoted to the next rung", label="reduction factor (eta)", min=2, max=100,
        advanced=True,
    )  # fmt: skip
    proxy: str = option(
        "",
        "a cheaper rung below the first: a zero-cost proxy scores the untrained network; supernet uses the accuracy "
        "with the weights of a supernet (chain and mobile), if its order is right",
        label="proxy",
        choices=PROXIES,
        empty="none",
    )
    supernet_epochs: int = option(
        12, "epochs of the supernet's training, if the supernet is the proxy", min=1, max=MOST_EPOCHS, advanced=True
    )
    trial_networks: int = option(
        10,
        "if the supernet is the proxy, this many candidates are ranked by it and by the next rung; unless both agree, "
        "the rung of the supernet is skipped",
        label="candidates that check the supernet",
        min=4,
        max=100,
        advanced=True,
    )
    promote_by: str = option(
        "accuracy",
        "what a trained rung promotes by: after one or two epochs the training loss ranks better; fronts and values "
        "show accuracy either way",
        label="promote by",
        choices=PROMOTIONS,
        advanced=True,
    )
    final_epochs: int | None = option(
        None,
        "epochs of a full training of the front at the end; more than the last rung has",
        label="epochs of the final training",
        min=1,
        max=MOST_EPOCHS,
        empty="no final training",
    )
    final_seeds: int = option(
        3, "trainings of each network of the front at the end", label="seeds of the final training", min=1, max=10,
        advanced=True,
    )  # fmt: skip
    final_networks: int = option(
        8,
        "largest number of networks of the front that are trained at the end: those that add most hypervolume",
        label="networks of the final training",
        min=1,
        max=1000,
        advanced=True,
    )
    final_replicas: int = option(
        1,
        "processes that share each full training of the front, each on a GPU of its own where there are enough",
        label="processes per final training",
        min=1,
        max=MOST_REPLICAS,
        advanced=True,
    )

    def faults(self, epochs: int) -> Iterator[tuple[str, str]]:
        """Field and message of each fault; ``epochs`` are the recipe's."""
        texts = [text.strip() for text in self.rungs.split(",")] if self.rungs else []
        if not all(text.isdecimal() and 1 <= int(text) <= MOST_EPOCHS for text in texts) or len(texts) > MOST_RUNGS:
            wanted = f"must be up to {MOST_RUNGS} whole numbers from 1 to {MOST_EPOCHS:,}, separated by commas"
            yield "rungs", f"{wanted}, but is {self.rungs[:40]!r}"
            return
        rungs = self.epochs(epochs)
        if any(upper <= lower for lower, upper in pairwise(rungs)):
            yield "rungs", f"must rise from rung to rung, but is {self.rungs[:40]!r}"
        if self.final_epochs is not None and self.final_epochs <= rungs[-1]:
            yield "final_epochs", f"must be above the last rung ({rungs[-1]} epochs), but is {self.final_epochs}"

    def epochs(self, recipe_epochs: int) -> tuple[int, ...]:
        """Epochs of the rungs that train, from cheap to costly."""
        return tuple(int(text) for text in self.rungs.split(",")) if self.rungs else (recipe_epochs,)

    def mean_epochs(self, recipe_epochs: int) -> float:
        """Mean epochs per network, when one in eta climbs from each rung; the front's full training is not counted."""
        below = 1 if self.proxy else 0
        return sum(epochs / float(self.eta) ** (rung + below) for rung, epochs in enumerate(self.epochs(recipe_epochs)))

    def begun_epochs(self, recipe_epochs: int) -> float:
        """Epochs of a supernet's training, and of the networks that check it and would not have climbed otherwise."""
        if self.proxy != SUPERNET:
            return 0.0
        return self.supernet_epochs + self.trial_networks * self.epochs(recipe_epochs)[0] * (1 - 1 / self.eta)

    def fidelities(self, recipe_epochs: int) -> tuple[int, ...]:
        """Epochs of all rungs, from cheap to costly; a proxy has 0."""
        return ((PROXY_FIDELITY,) if self.proxy else ()) + self.epochs(recipe_epochs)
