"""Twelve faults put into the core, one at a time, in a copy of the project: each must be caught by its area's tests.

    python -m tests.mutants

The last line on stdout is `{"mutants", "caught", "survived"}`; exit code 0 when every one was caught.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("nasportal", "searches", "codegen", "profiling", "architectures", "tests", "templates", "static")
NO_TESTS_FAILED, TESTS_FAILED = 0, 1


@dataclass(frozen=True)
class Mutant:
    """One fault: in the file, `old` (which stands there once) becomes `new`. Its area's tests must fail."""

    name: str
    file: str
    old: str
    new: str
    area: str

    def text(self, root: Path) -> str:
        """The file with the fault; ValueError where `old` does not stand there exactly once."""
        source = (root / self.file).read_text(encoding="utf-8")
        if source.count(self.old) != 1:
            count = source.count(self.old)
            raise ValueError(f"{self.name}: {self.old!r} must stand once in {self.file}, not {count} times")
        return source.replace(self.old, self.new)


MUTANTS = (
    Mutant(
        "crossover returns the mother",
        "architectures/spaces/space.py",
        "child[index] = father[index]",
        "child[index] = mother[index]",
        "test_01_search_space.py",
    ),
    Mutant(
        "sign of REINFORCE's gradient",
        "searches/algorithms/controller.py",
        "gradients = self.backward(genotypes, relevant, advantages, bonus, steps)",
        "gradients = self.backward(genotypes, relevant, -advantages, bonus, steps)",
        "test_02_algorithms.py",
    ),
    Mutant(
        "REINFORCE's baseline off",
        "searches/algorithms/reinforce.py",
        "advantages = (values - self._moving) /",
        "advantages = values /",
        "test_02_algorithms.py",
    ),
    Mutant(
        "DARTS derives the least likely",
        "searches/algorithms/likely.py",
        "key=lambda choice: (-row[choice], choice)",
        "key=lambda choice: (row[choice], choice)",
        "test_02_algorithms.py",
    ),
    Mutant(
        "weights of the choice ignored",
        "searches/pareto/choice.py",
        "sum(weights[name] * scales[name][index] for name in weights)",
        "sum(scales[name][index] for name in weights)",
        "test_03_multi_objective.py",
    ),
    Mutant(
        "the front returns all",
        "searches/pareto/front.py",
        "return np.flatnonzero(moocore.is_nondominated(points, keep_weakly=True)).tolist()",
        "return list(range(len(points)))",
        "test_03_multi_objective.py",
    ),
    Mutant(
        "hypervolume of one point too few",
        "searches/pareto/volume.py",
        "return float(moocore.hypervolume(points, ref=bound))",
        "return float(moocore.hypervolume(points[1:], ref=bound)) if len(points) > 1 else 0.0",
        "test_03_multi_objective.py",
    ),
    Mutant(
        "energy constant",
        "profiling/meters/energy.py",
        'picojoules * 1e-9, "mJ", "modelled"',
        '1.0, "mJ", "modelled"',
        "test_04_hardware_profiling.py",
    ),
    Mutant(
        "latency constant",
        "profiling/meters/latency.py",
        "value = rounds.ratio() * nominal",
        "value = nominal",
        "test_04_hardware_profiling.py",
    ),
    Mutant(
        "tournament reversed",
        "searches/algorithms/nsga2.py",
        "second.member if second.key < first.key else first.member",
        "second.member if second.key > first.key else first.member",
        "test_07_search_quality.py",
    ),
    Mutant(
        "crowding ignored",
        "searches/algorithms/nsga2.py",
        "Ranked(feasible[index], (0.0, rank, -distance))",
        "Ranked(feasible[index], (0.0, rank, 0.0))",
        "test_07_search_quality.py",
    ),
    Mutant(
        "elitism off",
        "searches/algorithms/nsga2.py",
        "every = [each.member for each in members] + [each for each in further if each.losses]",
        "every = [each for each in further if each.losses]",
        "test_07_search_quality.py",
    ),
)


def copied(folder: Path) -> Path:
    """The project as it stands, without what was built or written into it."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "var")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "manage.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def tested(root: Path, area: str) -> int:
    """pytest's exit code for the tests of one area."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", f"tests/areas/{area}"]
    environment = os.environ | {"PYTHONPATH": str(root), "HYPOTHESIS_STORAGE_DIRECTORY": str(root / "examples")}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True).returncode


def is_caught(mutant: Mutant, root: Path) -> bool:
    """Tells whether the area's tests fail with the fault; afterwards the file is as it was."""
    path = root / mutant.file
    source = path.read_text(encoding="utf-8")
    path.write_text(mutant.text(root), encoding="utf-8")
    try:
        return tested(root, mutant.area) == TESTS_FAILED
    finally:
        path.write_text(source, encoding="utf-8")


def main() -> int:
    survived = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        root = copied(Path(temporary))
        for area in sorted({mutant.area for mutant in MUTANTS}):
            if tested(root, area) != NO_TESTS_FAILED:
                print(f"{area} fails without any fault: mend that first", file=sys.stderr)
                return 2
        for mutant in MUTANTS:
            began = time.monotonic()
            caught = is_caught(mutant, root)
            survived += [] if caught else [mutant.name]
            verdict = f"caught by {mutant.area}" if caught else f"SURVIVES {mutant.area}"
            print(f"{mutant.name:34} {verdict:40} {time.monotonic() - began:5.1f} s", file=sys.stderr)
    print(json.dumps({"mutants": len(MUTANTS), "caught": len(MUTANTS) - len(survived), "survived": survived}))
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
