"""`manage.py search`: a whole search from a terminal, with the same engine as the portal's. No database, no server."""

import json
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Never

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from architectures.spaces import SpaceError
from codegen import licences
from nasportal.lib.machine import cores
from profiling import targets
from searches.engine import engine_process, events
from searches.engine.history import HistoryError
from searches.engine.output import front_html
from searches.engine.output.run_directory import HISTORY, SearchFolder
from searches.engine.problem import SpecProblem
from searches.engine.random_control import compared, control_spec
from searches.evaluation import datasets
from searches.evaluation.files import write_file
from searches.management.terminal_repository import GateFailed, write_repository
from searches.spec import SearchSpec, SpecError, SpecErrors

BAD_INPUT, NOTHING_FEASIBLE, GATE_FAILED, INTERRUPTED = 2, 3, 4, 130

# Option of the command: path in the spec's document, type, help.
OPTIONS: dict[str, tuple[str, Any, str]] = {
    "dataset": ("dataset", str, "name of a data set, or an npz file, a folder of images, a zip (default digits)"),
    "space": ("space", str, "search space (default chain)"),
    "algorithm": ("algorithm", str, "default nsga2"),
    "evaluations": ("evaluations", int, "distinct networks that are trained (default 24)"),
    "seconds": ("seconds", float, "wall clock after which the search stops"),
    "seed": ("seed", int, "default 0"),
    "lag": ("lag", int, "numbers between a result and the first proposal that may use it (default 8)"),
    "max-cost": ("max_cost", int, "counted multiply-adds of all trainings and steps, after which the search stops"),
    "synchronisation": ("synchronisation", str, "asynchronous or generational (default asynchronous)"),
    "rungs": ("ladder.rungs", str, "epochs of the fidelity ladder's rungs by comma, such as 2,6,18"),
    "eta": ("ladder.eta", int, "one of so many climbs to the next rung (default 3)"),
    "proxy": ("ladder.proxy", str, "the lowest rung: a score of the untrained network, such as naswot, or supernet"),
    "supernet-epochs": ("ladder.supernet_epochs", int, "of the supernet, where it is the proxy (default 12)"),
    "trial-networks": ("ladder.trial_networks", int, "that show whether the supernet is right (default 10)"),
    "promote-by": ("ladder.promote_by", str, "accuracy or training_loss (default accuracy)"),
    "final-epochs": ("ladder.final_epochs", int, "of the front's full training at the end"),
    "final-seeds": ("ladder.final_seeds", int, "trainings of each network of the front at the end (default 3)"),
    "final-replicas": ("ladder.final_replicas", int, "processes that share each of these trainings (default 1)"),
    "target": ("target", str, "hardware target of latency and energy (default this_machine)"),
    "min-params": ("limits.min_params", int, "parameters a network must have"),
    "max-params": ("limits.max_params", int, "parameters a network may have"),
    "max-flops": ("limits.max_flops", int, "floating-point operations for one image"),
    "max-memory-bytes": ("limits.max_memory_bytes", int, "peak of the activations for one image"),
    "max-latency-ms": ("limits.max_latency_ms", float, "time for one image on the target"),
    "epochs": ("training.epochs", int, "of each training (default 8)"),
    "batch-size": ("training.batch_size", int, "images a step (default 32)"),
    "population": ("algorithm_options.population", int, "members of a generation"),
    "choose": ("choose", str, "knee, vote, or weights:accuracy=.7,latency=.3 (default knee)"),
}


class Command(BaseCommand):
    """Searches, shows its progress, and leaves history.jsonl, front.json, front.html and repository/."""

    help = "Searches for networks and writes history, front and the repository of the chosen one into a folder."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option for each entry of the spec that has a short name; --spec takes the whole document."""
        for name, (_, kind, text) in OPTIONS.items():
            parser.add_argument(f"--{name}", type=kind, help=text)
        parser.add_argument("--objectives", help="by comma: accuracy, latency, memory, energy, params, flops")
        for what in ("algorithm", "space"):
            text = f"an option of the {what}, as JSON or text"
            parser.add_argument(f"--{what}-option", action="append", default=[], metavar="NAME=VALUE", help=text)
        text = "any other entry of the spec, by its path: training.peak_rate=0.1, deadline_seconds=60"
        parser.add_argument("--set", action="append", default=[], dest="entries", metavar="PATH=VALUE", help=text)
        parser.add_argument(
            "--spec", type=Path, metavar="FILE", help="the whole search spec as JSON, instead of options"
        )
        parser.add_argument("--out", type=Path, metavar="DIR", help="where the results go; a new or empty folder")
        parser.add_argument("--resume", type=Path, metavar="DIR", help="go on with the search in this folder")
        text = "a folder of results that searches share: what is in it is not trained again"
        parser.add_argument("--cache", type=Path, metavar="DIR", help=text)
        parser.add_argument("--workers", type=int, help="evaluator processes (default: one a core)")
        text = "afterwards random search at the same counted cost, in DIR/control"
        parser.add_argument("--control", action="store_true", default=None, help=text)
        text = f"of the repository (default {licences.DEFAULT})"
        parser.add_argument("--licence", default=licences.DEFAULT, choices=list(licences.LICENCES), help=text)
        parser.add_argument("--author", default="", help="who holds the rights, for the repository's file LICENSE")
        parser.add_argument("--no-repository", action="store_true", help="leave repository/ out")
        parser.add_argument("--json", action="store_true", dest="as_json", help="front.json on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 done, 2 bad input, 3 nothing feasible, 4 the repository's gate failed, 130 interrupted."""
        try:
            spec, folder = opened(options)
        except (SpecErrors, SpaceError, HistoryError, datasets.DataSetError, OSError) as error:
            raise CommandError(named_as_options(str(error)), returncode=BAD_INPUT) from error
        workers = cores() if options["workers"] is None else options["workers"]
        if workers < 1:
            raise CommandError(f"--workers must be at least 1, but is {workers}", returncode=BAD_INPUT)
        front = run(spec, folder, workers, options["cache"])
        if spec.control:
            front = with_control(spec, folder, front, workers, options["cache"])
        write_file(folder.path / "front.html", front_html.page(front, folder.evaluations(front["fidelity"])).encode())
        if front["chosen"] is None:
            raise CommandError("; ".join(front["reasons"]), returncode=NOTHING_FEASIBLE)
        if not options["no_repository"]:
            deliver(folder, front, options["licence"], options["author"])
        if options["as_json"]:
            print(json.dumps(front, allow_nan=False))
        say(f"{front['reason']}; number {front['chosen']} is chosen ({'; '.join(front['reasons'])}): {folder.path}")


def with_control(
    spec: SearchSpec, folder: SearchFolder, front: dict[str, Any], workers: int, cache: Path | None
) -> dict[str, Any]:
    """Searches once more at random for as much as the search has cost; front.json then holds both."""
    path = folder.path / "control"
    control = SearchFolder.resumed(path) if (path / HISTORY).exists() else SearchFolder.new(path)
    say(f"random search at the same counted cost: {path}")
    found = compared(front, run(control_spec(spec, front["cost"]), control, workers, cache))
    say(f"hypervolume {found['search_hypervolume']:.4f}, by random search {found['hypervolume']:.4f}")
    return folder.write_front(front | {"control": found})


def deliver(folder: SearchFolder, front: dict[str, Any], licence: str, author: str) -> None:
    try:
        write_repository(folder, front, say, licence, author)
    except GateFailed as error:
        raise CommandError(str(error), returncode=GATE_FAILED) from error


def opened(options: dict[str, Any]) -> tuple[SearchSpec, SearchFolder]:
    """The spec and its folder, both known to be good before anything is trained."""
    given = document_of(options)
    if options["resume"] is not None:
        if given or options["out"] is not None:
            raise HistoryError("--resume takes the spec that the folder holds; leave the other options out")
        folder = SearchFolder.resumed(options["resume"])
        assert folder.header is not None
        spec = SearchSpec.from_document(folder.header["spec"], files=True)
    else:
        if options["out"] is None:
            raise HistoryError("--out DIR says where the results go; name a new folder")
        spec = SearchSpec.from_document(given, files=True)
        folder = SearchFolder.new(options["out"])
    if targets.device_number(spec.target) is not None:
        raise SpecErrors(
            (SpecError("target", "is a device, and only the portal reaches devices; start the search there"),)
        )
    assert SpecProblem(spec, datasets.facts(spec.dataset)).space.decisions  # created for the data's own shape
    return spec, folder


def document_of(options: dict[str, Any]) -> Any:
    """The spec's document out of the options."""
    document: dict[str, Any] = {}
    for name, (path, _, _) in OPTIONS.items():
        value = options[name.replace("-", "_")]
        if value is not None:
            put(document, path, value)
    if options["control"]:
        document["control"] = True
    if options["objectives"] is not None:
        document["objectives"] = [name.strip() for name in options["objectives"].split(",")]
    for what in ("algorithm", "space"):
        for pair in options[f"{what}_option"]:
            name, _, text = pair.partition("=")
            put(document, f"{what}_options.{name}", parsed(text))
    for pair in options["entries"]:
        name, _, text = pair.partition("=")
        put(document, name, parsed(text))
    if options["spec"] is None:
        return document
    if document:
        raise HistoryError("--spec FILE is the whole spec; leave the other options out, or write them into the file")
    return read_spec(options["spec"])


def put(document: dict[str, Any], path: str, value: Any) -> None:
    group, _, name = path.rpartition(".")
    (document.setdefault(group, {}) if group else document)[name] = value


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_spec(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"--spec {path} is not JSON: {error}") from error


def named_as_options(message: str) -> str:
    """A fault is told by the option's name, not by the path in the document."""
    paths = {path: f"--{name}" for name, (path, _, _) in OPTIONS.items()}
    rows = []
    for row in message.split("\n"):
        path, colon, rest = row.partition(": ")
        rows.append(f"{paths[path]}: {rest}" if colon and path in paths else row)
    return "\n".join(rows)


@dataclass
class Course:
    """What the events of a search have told so far."""

    tested: dict[int, float] = field(default_factory=dict)
    selection: events.SelectionFinished | None = None
    finished: events.SearchFinished | None = None
    best: float = 0.0


def run(spec: SearchSpec, folder: SearchFolder, workers: int, cache: Path | None = None) -> dict[str, Any]:
    """Starts the engine, keeps what it accepts, and answers with front.json."""
    course = Course()
    trained = [entry["timing"] for entry in folder.lines if not entry["timing"].get("cached")]
    elapsed = sum(timing.get("seconds", 0.0) for timing in trained) / workers
    with stoppable(folder), progress(spec, folder.networks, elapsed) as bar:
        process = engine_process.start(
            spec.to_document(), folder.lines, folder.path, workers, elapsed=elapsed, cache=cache
        )
        try:
            for report in process.events():
                follow(report, folder, course, bar)
        finally:
            code = process.stop()
    if course.selection is None or course.finished is None:
        log = folder.path / engine_process.LOG
        raise CommandError(f"the engine ended early (exit code {code}); {log} says why", returncode=1)
    return folder.finish(course.selection, course.tested, course.finished)


def progress(spec: SearchSpec, networks: int, elapsed: float) -> Any:
    """Under a time limit it tells the time so far, ``elapsed`` seconds of a resumed search included, and the limit."""
    if spec.seconds is None:
        return tqdm(total=spec.evaluations, initial=networks, unit="network")
    limit = tqdm.format_interval(spec.seconds)
    form = f"{{desc}}{{n_fmt}} networks [{{elapsed}}, limit {limit}{{postfix}}]"
    bar = tqdm(total=spec.evaluations, initial=networks, bar_format=form)
    bar.start_t -= elapsed
    return bar


def follow(report: events.Event | events.Progress, folder: SearchFolder, course: Course, bar: Any) -> None:
    match report:
        case events.SearchStarted(header):
            if warning := folder.begin(header):
                say(warning)
        case events.PhaseChanged(phase):
            bar.set_description(phase)
        case events.EvaluationFinished():
            folder.accept(report)
            course.best = max(course.best, report.values.get("accuracy", 0.0))
            bar.set_postfix(best=f"{course.best:.4f}")
            if report.place is None:  # a promotion is no further network
                bar.update()
        case events.StepFinished():
            folder.accept(report)
        case events.SelectionFinished():
            course.selection = report
        case events.TestMeasured(number, accuracy):
            course.tested[number] = accuracy
        case events.SearchFinished():
            course.finished = report
        case events.SearchFailed(reason):
            raise CommandError(reason, returncode=1)
        case _ if report.kept_as:
            folder.keep(report)
            say(report.in_words())


@contextmanager
def stoppable(folder: SearchFolder) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the search with what it has accepted."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        way_out = f"go on with: manage.py search --resume {folder.path}"
        raise CommandError(f"stopped after {folder.networks} evaluations; {way_out}", returncode=INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt(number: int, frame: FrameType | None) -> Never:
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(text, file=sys.stderr)
