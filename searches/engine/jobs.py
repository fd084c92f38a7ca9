"""The documents that evaluators get, described in searches/evaluation/job.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from architectures.ir import json as graph_json
from searches.algorithms.algorithm import Evaluated
from searches.engine.chain import Link
from searches.engine.problem import SpecProblem
from searches.engine.sequence import Candidate
from searches.spec import SearchSpec


@dataclass(frozen=True)
class Jobs:
    """The jobs of one search."""

    spec: SearchSpec
    problem: SpecProblem
    folder: Path

    def evaluation(self, candidate: Candidate | Evaluated, fidelity: int) -> dict[str, Any]:
        return {
            "kind": "evaluate",
            "number": candidate.number,
            "fidelity": fidelity,
            "graph": graph_json.to_document(self.problem.network(candidate.genotype).graph),
            "dataset": self.spec.dataset,
            "training": self.spec.training.to_document(),
            "seed": self.problem.training_seed(candidate.fingerprint, fidelity),
            "folder": str(self.folder),
            "objectives": list(self.spec.objectives),
            "target": self.spec.target,
            "deadline": {"seconds": self.spec.deadline_seconds},
            "memory_limit_bytes": self.spec.training_memory_bytes,
        }

    def test(self, member: Evaluated, fidelity: int, weights: Mapping[str, Any]) -> dict[str, Any]:
        """Reads the test split with the stored weights."""
        return self.evaluation(member, fidelity) | {"kind": "test", "weights": dict(weights)}

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
