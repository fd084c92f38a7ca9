"""The documents that evaluators get, described in searches/evaluation/job.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from architectures.ir import json as graph_json
from searches.engine.problem import SpecProblem
from searches.engine.step_chain import Link
from searches.engine.weights.weight_store import Weights, Work
from searches.evaluation.fidelity import PROXY_FIDELITY, SUPERNET
from searches.spec import SearchSpec


@dataclass(frozen=True)
class Jobs:
    """The jobs of one search."""

    spec: SearchSpec
    problem: SpecProblem
    folder: Path
    weights: Weights

    def is_inheriting(self, work: Work) -> bool:
        """Returns whether it is judged by the weights of a supernet."""
        return work.fidelity == PROXY_FIDELITY and self.spec.ladder.proxy == SUPERNET

    def evaluation(self, work: Work, supernet: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A training, or on the rung of a proxy the score of the untrained network, or what a supernet makes of it."""
        member, fidelity = work.member, work.fidelity
        document: dict[str, Any] = {
            "kind": "evaluate",
            "number": member.number,
            "fidelity": fidelity,
            "graph": graph_json.to_document(self.problem.network(member.genotype).graph),
            "dataset": self.spec.dataset,
            "training": self.spec.training.to_document(),
            "seed": self.problem.training_seed(member.fingerprint, fidelity, work.seed),
            "folder": str(self.folder),
        }
        if supernet is not None:
            return document | {"kind": SUPERNET, "weights": dict(supernet)}
        if fidelity == PROXY_FIDELITY:
            return document | {"kind": "proxies", "proxies": [self.spec.ladder.proxy]}
        return document | {
            "training": document["training"] | {"epochs": fidelity},
            "objectives": list(self.spec.objectives),
            "target": self.spec.target,
            "deadline": {"seconds": self.spec.deadline_seconds},
            "memory_limit_bytes": self.spec.training_memory_bytes,
            **self.parent(work),
            **self.replicas(fidelity),
        }

    def replicas(self, fidelity: int) -> dict[str, int]:
        """Returns the replicas of a full training, only where they are several.

        Their result is not bit for bit that of one process.
        """
        count = self.spec.ladder.final_replicas
        return {"replicas": count} if count > 1 and fidelity == self.spec.ladder.final_epochs else {}

    def parent(self, work: Work) -> dict[str, Any]:
        if work.parent is None:
            return {}
        graph = self.problem.network(self.weights.works[work.parent].member.genotype).graph
        weights = dict(self.weights.files[work.parent])
        return {"parent": {"graph": graph_json.to_document(graph), "weights": weights}}

    def test(self, work: Work) -> dict[str, Any]:
        """Reads the test split with the stored weights."""
        left_out = "parent", "replicas"
        document = {name: value for name, value in self.evaluation(work).items() if name not in left_out}
        return document | {"kind": "test", "weights": dict(self.weights.files[work.key])}

    def step(self, link: Link, state: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "kind": "step",
            "number": link.number,
            "fidelity": 0,
            "step": link.kind,
            "options": dict(link.options),
            "state": None if state is None else dict(state),
            "dataset": self.spec.dataset,
            "training": self.spec.training.to_document(),
            "seed": self.problem.step_seed(link.kind, link.number),
            "folder": str(self.folder),
            "space": self.problem.document["space"],
            "deadline": {"seconds": self.spec.deadline_seconds},
        }
