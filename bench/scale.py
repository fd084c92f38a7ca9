"""Beyond one machine, on paper: what a database takes in, and how busy 1 to 1,000 evaluators can be kept.

The simulation has three kinds of server: evaluators, the engine that asks and accepts one number at a time, and the
database that commits. Its times are measured: training seconds of NAS-Bench-201's cells or of digits networks, the
engine's and the database's in this run.
"""

import csv
import gzip
import heapq
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import uuid4

from tests.architectures.examination import TABLE

WORKERS = (1, 8, 64, 1000)
EVALUATIONS_A_WORKER = 40
SERVER = "postgres://postgres@127.0.0.1:5432"
DIGITS_SECONDS = (1.1, 1.3, 1.4, 1.6, 1.7, 1.9, 2.0, 2.2, 2.6, 3.1, 3.9, 5.8)  # of twelve networks, where no table is


@dataclass(frozen=True)
class Costs:
    """Seconds of the serial parts for one evaluation."""

    engine: float  # to ask and to accept
    commit: float  # into the database


def run() -> dict[str, Any]:
    taken_in = {"sqlite": committed(None), "postgresql": on_postgresql()}
    found: dict[str, Any] = {"database": taken_in}
    for database, figures in taken_in.items():
        if "skipped" not in figures:
            each = figures["evaluations_a_second_in_batches_of_64_events"]
            costs = Costs(figures["engine_cpu_ms"] / 1e3, 1 / each)
            found[f"simulated_on_{database}"] = simulated(costs)
    return found


def committed(database: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NASPORTAL_DATA": folder, "NASPORTAL_SECRET_KEY": "for this measurement only"}
        environment.pop("DATABASE_URL", None)
        if database:
            environment["DATABASE_URL"] = database
        command = [sys.executable, "-m", "bench.committing"]
        ended = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return dict(json.loads(ended.stdout.splitlines()[-1]))


def on_postgresql() -> dict[str, Any]:
    import psycopg

    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        return {"skipped": f"no PostgreSQL server at 127.0.0.1:5432: {str(error).splitlines()[0]}"}
    name = f"nasportal_{uuid4().hex[:12]}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            return committed(f"{SERVER}/{name}")
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def simulated(costs: Costs) -> dict[str, Any]:
    """Share of the evaluators' time that is spent on evaluations, once the start is over."""
    times = training_seconds()
    found = {}
    for workers in WORKERS:
        count = EVALUATIONS_A_WORKER * workers
        durations = [Random(number).choice(times) for number in range(count)]
        found[f"{workers} evaluators"] = {
            "asynchronous, lag 2 × evaluators": busy(durations, workers, costs, lag=2 * workers),
            "asynchronous, lag 8": busy(durations, workers, costs, lag=8),
            "generational, a generation of as many": busy(durations, workers, costs, generation=workers),
            "engine_share": round(count * costs.engine / span(durations, workers), 4),
            "database_share": round(count * costs.commit / span(durations, workers), 4),
        }
    mean = sum(times) / len(times)
    serial = max(costs.engine, costs.commit)
    found["evaluators until the slower of engine and database is the limit"] = round(mean / serial)
    found["mean_evaluation_seconds"] = round(mean, 2)
    return found


def training_seconds() -> Sequence[float]:
    """Of 12 epochs on CIFAR-10, as the authors of NAS-Bench-201 measured them for 200."""
    if not TABLE.exists():
        return DIGITS_SECONDS
    with gzip.open(TABLE, "rt") as file:
        return [float(row["c10_train_time_s"]) * 12 / 200 for row in csv.DictReader(file)]


def span(durations: Sequence[float], workers: int) -> float:
    return sum(durations) / workers


def busy(
    durations: Sequence[float], workers: int, costs: Costs, *, lag: int | None = None, generation: int | None = None
) -> float:
    """Busy time of all evaluators over their whole time, of a search with as many jobs as durations."""
    engine_free = database_free = 0.0
    idle = workers
    asked = settled = 0
    arrived: set[int] = set()
    arrivals: list[tuple[float, int]] = []  # when a result reaches the engine, and whose
    now = 0.0
    while settled < len(durations):
        while idle and asked < len(durations) and may_ask(asked, settled, lag, generation):
            engine_free = max(engine_free, now) + costs.engine / 2
            heapq.heappush(arrivals, (engine_free + durations[asked], asked))
            asked, idle = asked + 1, idle - 1
        now, number = heapq.heappop(arrivals)
        idle += 1
        engine_free = max(engine_free, now) + costs.engine / 2
        # The pipe is short: an engine that is far ahead of the database waits for it.
        database_free = max(database_free, engine_free) + costs.commit
        engine_free = max(engine_free, database_free - 64 * costs.commit)
        now = engine_free
        arrived.add(number)
        while settled in arrived:
            settled += 1
    return round(sum(durations) / (workers * max(now, database_free)), 3)


def may_ask(number: int, settled: int, lag: int | None, generation: int | None) -> bool:
    if generation is not None:
        return settled >= number // generation * generation
    assert lag is not None
    return settled >= number - lag
