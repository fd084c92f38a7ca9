"""What a whole run delivers: search and final training together, in a given time on two cores.

    python -m bench.deliveries digits                    five seeds of the best confirmed network
    python -m bench.deliveries fashion --minutes 60      all of Fashion-MNIST, at most 100,000 parameters
    python -m bench.deliveries natural --minutes 30      natural images, at most 250,000 parameters
    python -m bench.deliveries baseline --minutes 7.5    a hand-made residual network, so long on a core, in four seeds

--share .1 tries everything at a tenth of the size. The test split is read once, for the network that validation chose;
of the hand-made one for each seed.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from architectures import spaces
from architectures.ir import json as graph_json
from architectures.ir.builder import Builder
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Relu
from bench.natural import classes, decoded
from searches.engine.executors.executor import JobFinished, JobProgressed
from searches.engine.executors.process_executor import ProcessExecutor
from searches.evaluation import datasets

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench-results"
WORKERS = 2
SAFETY = 0.85  # of the time that is left: .8 left 193 s of 1,800, .85 left 92, .93 was 158 too much once
DIGITS_EPOCHS = 60
FINALISTS = 4  # of natural images, two a core: two alone, for longer, were not ahead (docs/benchmarks/whole-run.md)
Document = dict[str, Any]

# Of the chains those that train quickly, and that see 7×7 or 8×8 pixels at least. No skip_connect, which is no layer.
SPACE: Document = {
    "stages": 3, "max_layers": 9, "max_skips": 1, "operations": ["conv3x3", "sep_conv3x3", "max_pool"]
}  # fmt: skip
# Residual networks for 32×32 pixels: depths, widths and skip connections are searched. They halve by pooling: that had
# .771 on validation images after 11 epochs where strides had .737 after 13 (one network, one seed). Quick networks see
# more epochs, so few layers at full size will do, and FLOPs have a limit. In 550 to 760 s on a core, over 6,300 images,
# judged on 3,000: 67 M FLOPs (32 once, 64 twice, 96 twice) .783 and .785, the baseline .768 and .775 (SE .0075 each).
RESIDUAL: Document = {
    "stages": 3, "min_layers": 3, "max_layers": 12, "max_skips": 1, "skip_reach": 2, "widths": [32, 64, 96],
    "operations": ["pool_conv3x3"],
}  # fmt: skip
# Of the last trainings, for the found network and for the hand-made one: fifty epochs over 6,300 of them end at .944 on
# those and at .773 on 3,000 others; with colours, then cut off at 0 and 1, and squares at .790 (one network, one seed).
RECIPE: Document = {"augmentation": "flip_crop_colour_cutout"}
LADDER = {"rungs": "2,10", "eta": 4}  # images are augmented from ten epochs on


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.deliveries", description=__doc__)
    parser.add_argument("what", choices=("digits", "fashion", "natural", "baseline"))
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--share", type=float, default=1.0, help="of the time, the images and the epochs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        deliver = {"digits": digits, "fashion": fashion, "natural": natural, "baseline": baseline}[options.what]
        found = deliver(options, Path(folder))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"deliveries-{options.what}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    return 0


# The deliveries, and what a person would have done


def digits(options: argparse.Namespace, folder: Path) -> Document:
    """The three best of a search by validation, trained anew in five seeds; validation chooses, then test is read."""
    share = options.share
    spec = {
        "dataset": "digits", "algorithm": "nsga2", "objectives": ["accuracy", "params"], "seed": options.seed,
        "evaluations": max(4, round(60 * share)), "training": {"epochs": max(2, round(8 * share))},
    }  # fmt: skip
    front = searched(spec, folder)
    members = best(front, folder, 3)
    epochs, seeds = max(3, round(DIGITS_EPOCHS * share)), range(max(2, round(5 * share)))
    jobs = [
        job(graph, "digits", folder / "final", {"epochs": epochs}, number=10 * place + seed, seed=seed)
        for place, graph in enumerate(members)
        for seed in seeds
    ]
    trained = done(jobs)
    places = range(len(members))
    means = [statistics.mean(trained[10 * place + seed].values["accuracy"] for seed in seeds) for place in places]
    chosen = max(places, key=means.__getitem__)
    tested = [each.values["test_accuracy"] for each in done(tests(jobs, trained, chosen, seeds)).values()]
    return {
        "networks_searched": front["evaluations"],
        "parameters": complexity(members[chosen]).params,
        "test_accuracy_mean": round(statistics.mean(tested), 4),
        "test_accuracies": [round(each, 4) for each in tested],
        "epochs": epochs,
    }


def fashion(options: argparse.Namespace, folder: Path) -> Document:
    until = time.monotonic() + 60 * (options.minutes or 60) * options.share
    asked = {
        "space_options": SPACE | {"widths": [16, 32, 64]},
        "limits": {"min_params": 40_000, "max_params": 100_000, "max_flops": 20_000_000, "max_memory_bytes": 310_000},
        "training": {"share": max(0.02, 0.2 * options.share)},
        "ladder": LADDER,
    }
    found = delivered("fashion_mnist", asked, until, options.seed, folder, search_part=0.4, recipe={})
    return {"minutes": (options.minutes or 60) * options.share, **found}


def natural(options: argparse.Namespace, folder: Path) -> Document:
    minutes = (options.minutes or 30) * options.share
    until = time.monotonic() + 60 * minutes
    path = natural_images(folder, options.share)
    asked = {
        "space_options": RESIDUAL,
        "objectives": ["accuracy", "params"],
        "limits": {"min_params": 175_000, "max_params": 250_000, "max_flops": 70_000_000, "max_memory_bytes": 400_000},
        "ladder": LADDER | {"promote_by": "training_loss"},
    }
    found = delivered(
        str(path), asked, until, options.seed, folder, search_part=0.4, recipe=RECIPE, finalists=FINALISTS
    )
    return {"minutes": minutes, **found}


def baseline(options: argparse.Namespace, folder: Path) -> Document:
    """What a person would train instead, as many times as a run trains networks at its end; each seed is tested."""
    seconds = 60 * (options.minutes or 7.5) * options.share
    path = natural_images(folder, options.share)
    graph, seeds = residual_network(), range(options.seed, options.seed + FINALISTS)

    def jobs(place: Path, epochs: int) -> list[Document]:
        return [
            job(graph, str(path), place, RECIPE | {"epochs": epochs}, number=number, seed=seed)
            for number, seed in enumerate(seeds)
        ]

    epochs = max(1, round(seconds / max(epoch_seconds(jobs(folder / "first", 2)[:WORKERS]))))
    wanted = jobs(folder / "final", epochs)
    trained = done(wanted)
    tested = done(tests(wanted, trained, 0, range(FINALISTS)))
    return {
        "parameters": complexity(graph).params,
        "macs": complexity(graph).macs,
        "epochs": epochs,
        "training_seconds": [round(trained[number].timing["training_seconds"]) for number in sorted(trained)],
        "validation_accuracies": [round(trained[number].values["accuracy"], 4) for number in sorted(trained)],
        "test_accuracies": [round(tested[number].values["test_accuracy"], 4) for number in sorted(tested)],
    }


def delivered(
    dataset: str,
    asked: Document,
    until: float,
    seed: int,
    folder: Path,
    *,
    search_part: float,
    recipe: Document,
    finalists: int = WORKERS,
) -> Document:
    """A search in its part of the time (what runs by then ends), then the best by validation in the rest."""
    seconds = search_part * (until - time.monotonic())
    spec = {
        "dataset": dataset, "algorithm": "nsga2", "objectives": ["accuracy", "flops"], "seed": seed,
        "evaluations": 100_000, "seconds": max(1.0, round(seconds, 1)),
    }  # fmt: skip
    front = searched(spec | asked, folder)
    found = trained_until(until, best(front, folder, finalists), seed, dataset, folder / "final", recipe)
    return {"networks_searched": front["evaluations"], **found}


def trained_until(
    until: float, graphs: Sequence[Graph], seed: int, dataset: str, folder: Path, recipe: Document
) -> Document:
    """In equal shares of the time, a network a core; validation chooses, then its test split is read."""

    def jobs(place: Path, epochs: Sequence[int]) -> list[Document]:
        return [
            job(graph, dataset, place, recipe | {"epochs": count}, number=number, seed=seed)
            for number, (graph, count) in enumerate(zip(graphs, epochs, strict=True))
        ]

    seconds = epoch_seconds(jobs(folder / "first", [2] * len(graphs)))
    left = SAFETY * (until - time.monotonic()) / math.ceil(len(graphs) / WORKERS)
    wanted = jobs(folder, [max(1, int(left / each)) for each in seconds])
    trained = done(wanted)
    chosen = max(trained, key=lambda number: trained[number].values["accuracy"])
    tested = done(tests(wanted, trained, 0, (chosen,)))
    counted = complexity(graphs[chosen])
    return {
        "parameters": counted.params,
        "macs": counted.macs,
        "epochs": wanted[chosen]["training"]["epochs"],
        "training_seconds": round(trained[chosen].timing["training_seconds"]),
        "validation_accuracy": round(trained[chosen].values["accuracy"], 4),
        "validation_accuracies": [round(trained[number].values["accuracy"], 4) for number in sorted(trained)],
        "test_accuracy": round(tested[chosen].values["test_accuracy"], 4),
        "seconds_left": round(until - time.monotonic(), 1),
    }


# Searching


def searched(spec: Document, folder: Path) -> Document:
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    command = [sys.executable, str(ROOT / "manage.py"), "search", "--spec", str(folder / "spec.json")]
    command += ["--out", str(folder / "search"), "--no-repository", "--json", "--workers", str(WORKERS)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    front: Document = json.loads(ended.stdout)
    return front | {"evaluations": len({row["number"] for row in trainings(folder)})}


def trainings(folder: Path) -> list[Document]:
    """Accepted trainings of the search, in their order."""
    lines = (folder / "search" / "history.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if row.get("status") == "done" and row.get("fidelity") and "genotype" in row]


def best(front: Document, folder: Path, count: int) -> list[Graph]:
    """By validation accuracy, over all that were trained as long as any: the front may hold few."""
    spec = front["spec"]
    facts = datasets.facts(spec["dataset"])
    space = spaces.create(spec["space"], facts.input_shape, facts.classes, **spec["space_options"])
    rows = sorted(trainings(folder), key=lambda row: (-row["fidelity"], -row["values"]["accuracy"], row["number"]))
    return [space.decode(tuple(row["genotype"])) for row in rows[:count]]


# Training


def job(graph: Graph, dataset: str, folder: Path, training: Document, *, number: int, seed: int) -> Document:
    return {
        "kind": "evaluate", "number": number, "fidelity": 1000 * (number + 1) + training["epochs"], "dataset": dataset,
        "graph": graph_json.to_document(graph), "training": training, "seed": seed, "folder": str(folder),
        "objectives": ["accuracy"],
    }  # fmt: skip


def epoch_seconds(jobs: Sequence[Document]) -> list[float]:
    """From the first step of the first epoch to that of the second: neither what comes before nor after a training."""
    begun: dict[tuple[int, int], float] = {}
    done(jobs, lambda moment: begun.setdefault((moment.number, moment.epoch), time.monotonic()))
    return [begun[each["number"], 2] - begun[each["number"], 1] for each in jobs]


def done(jobs: Sequence[Document], watch: Callable[[JobProgressed], object] | None = None) -> dict[int, JobFinished]:
    executor = ProcessExecutor(WORKERS)
    found: dict[int, JobFinished] = {}
    waiting = list(jobs)
    try:
        while len(found) < len(jobs):
            while waiting and executor.room:
                executor.submit(waiting.pop(0))
            message = executor.receive(1.0)
            if isinstance(message, JobFinished):
                assert message.status == "done", message.reason
                found[message.number] = message
            elif isinstance(message, JobProgressed) and watch is not None:
                watch(message)
    finally:
        executor.close()
    return found


def tests(
    jobs: Sequence[Document], trained: Mapping[int, JobFinished], place: int, numbers: Sequence[int] | range
) -> list[Document]:
    wanted = {10 * place + number for number in numbers}
    return [
        each | {"kind": "test", "weights": dict(trained[each["number"]].files["weights"])}
        for each in jobs
        if each["number"] in wanted
    ]


# Images, and the network that a person would have made


def natural_images(folder: Path, share: float) -> Path:
    written = {}
    for part in ("train", "test"):
        y = classes(part)
        count = math.ceil(len(y) * max(0.2, share))
        written[f"x_{part}"] = np.stack([np.asarray(picture) for picture in islice(decoded(part), count)])
        written[f"y_{part}"] = y[:count]
    np.savez(folder / "natural.npz", allow_pickle=False, **written)
    return folder / "natural.npz"


def residual_network() -> Graph:
    """Like He et al. 2016 (1512.03385, section 4.2), six blocks, at most 250,000 parameters."""
    builder = Builder((3, 32, 32))
    x = convolution(builder, "stem", "input", 16, 1)
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in (1, 2):
            name, stride = f"stage{stage}.block{block}", 2 if stage > 1 and block == 1 else 1
            inner = convolution(builder, f"{name}.first", x, channels, stride)
            inner = builder.add(f"{name}.second", Conv2d(channels), inner)
            inner = builder.add(f"{name}.second_norm", BatchNorm(), inner)
            if stride == 2:
                x = builder.add(f"{name}.project", Conv2d(channels, kernel=1, stride=2, padding=0), x)
                x = builder.add(f"{name}.project_norm", BatchNorm(), x)
            x = builder.add(f"{name}.activation", Relu(), builder.add(f"{name}.add", Add(), inner, x))
    x = builder.add("head.flatten", Flatten(), builder.add("head.pool", GlobalAvgPool(), x))
    builder.add("head.linear", Linear(10), x)
    return builder.build()


def convolution(builder: Builder, name: str, x: str, channels: int, stride: int) -> str:
    x = builder.add(f"{name}.conv", Conv2d(channels, stride=stride), x)
    return builder.add(f"{name}.activation", Relu(), builder.add(f"{name}.norm", BatchNorm(), x))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
