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

from architectures import spaces
from architectures.options import Option, options
from architectures.spaces import SpaceError
from architectures.spaces.limits import Limits
from codegen import licences
from nasportal.lib.machine import cores
from profiling import targets
from searches import algorithms, objectives
from searches.engine import engine_process, events
from searches.engine.history import HistoryError
from searches.engine.output import front_html
from searches.engine.output.run_directory import HISTORY, SearchFolder
from searches.engine.problem import SpecProblem
from searches.engine.random_control import compared, control_spec
from searches.evaluation import datasets
from searches.evaluation.fidelity import Ladder
from searches.evaluation.files import write_file
from searches.evaluation.training.recipe import Recipe
from searches.management.flags import VALUES, help_text, reader
from searches.management.terminal_repository import GateFailed, write_repository
from searches.spec import SearchSpec, SpecError, SpecErrors

BAD_INPUT, NOTHING_FEASIBLE, GATE_FAILED, INTERRUPTED = 2, 3, 4, 130

PORTAL_ONLY = ("when_away",)  # devices are reached by the portal alone
TRAINING = ("epochs", "batch_size")
POPULATION = Option("population", int, None, "members of a generation", empty="the algorithm's")
EXAMPLES = ("training.learning_rate=0.1", "training.optimizer=adamw")


def flags() -> dict[str, Option]:
    """The options that have a flag of their own, by their path in the spec's document; --set reaches all others."""
    found = {each.name: each for each in options(SearchSpec) if each.scalar in VALUES and not each.is_fixed}
    found |= {f"ladder.{each.name}": each for each in options(Ladder)}
    found |= {f"limits.{each.name}": each for each in options(Limits)}
    found |= {f"training.{each.name}": each for each in options(Recipe) if each.name in TRAINING}
    found["algorithm_options.population"] = POPULATION
    return {path: each for path, each in found.items() if path not in PORTAL_ONLY}


def offered() -> dict[str, str]:
    """Returns what the registries offer, by the path of the entry that names it."""
    return {
        "dataset": f"{', '.join(datasets.names())}, or the path of an npz file, a zip or a folder of images",
        "space": ", ".join(spaces.names()),
        "algorithm": ", ".join(algorithms.names()),
        "objectives": f"separated by commas: {', '.join(objectives.names())}",
        "target": ", ".join(targets.names()),
    }


def flag(path: str) -> str:
    """The flag of a path: `--max-params` of `limits.max_params`."""
    return "--" + path.rpartition(".")[2].replace("_", "-")


class Command(BaseCommand):
    """Searches, shows its progress, and leaves history.jsonl, front.json, front.html and repository/."""

    help = "Searches for networks and writes history, front and the repository of the selected candidate into a folder."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option for each entry of the spec that has a short name; --spec takes the whole document."""
        for path, each in flags().items():
            text = help_text(each, offered().get(path, ""))
            parser.add_argument(flag(path), type=reader(each), help=text, metavar=VALUES[each.scalar])
        for what in ("algorithm", "space"):
            text = f"an option of the {what}, as JSON or text"
            parser.add_argument(f"--{what}-option", action="append", default=[], metavar="NAME=VALUE", help=text)
        text = f"any other entry of the spec by its path, such as {', '.join(EXAMPLES)}"
        parser.add_argument("--set", action="append", default=[], dest="entries", metavar="PATH=VALUE", help=text)
        parser.add_argument(
            "--spec", type=Path, metavar="FILE", help="the whole search spec as JSON, instead of options"
        )
        parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; it must be new or empty")
        parser.add_argument("--resume", type=Path, metavar="DIR", help="continue the search in this folder")
        text = "folder of results that searches share; candidates in it are not trained again"
        parser.add_argument("--cache", type=Path, metavar="DIR", help=text)
        parser.add_argument("--workers", type=int, help="evaluator processes (default: one per core)")
        text = "run the random baseline afterwards: random search at the same compute cost, in DIR/control"
        parser.add_argument("--control", action="store_true", default=None, help=text)
        text = f"licence of the repository (default {licences.DEFAULT})"
        parser.add_argument("--licence", default=licences.DEFAULT, choices=list(licences.LICENCES), help=text)
        parser.add_argument("--author", default="", help="holder of the rights, for the file LICENSE of the repository")
        parser.add_argument("--no-repository", action="store_true", help="write no repository/")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print front.json on stdout")

    def handle(self, *args: Any, **given: Any) -> None:
        """Exit 0 done, 2 bad input, 3 nothing feasible, 4 the repository's gate failed, 130 interrupted.

        Raises CommandError with the exit code unless it is 0.
        """
        try:
            spec, folder = opened(given)
        except (SpecErrors, SpaceError, HistoryError, datasets.DataSetError, OSError) as error:
            raise CommandError(named_as_options(str(error)), returncode=BAD_INPUT) from error
        workers = cores() if given["workers"] is None else given["workers"]
        if workers < 1:
            raise CommandError(f"--workers must be at least 1, but is {workers}", returncode=BAD_INPUT)
        front = run(spec, folder, workers, given["cache"])
        if spec.control:
            front = with_control(spec, folder, front, workers, given["cache"])
        write_file(folder.path / "front.html", front_html.page(front, folder.evaluations(front["fidelity"])).encode())
        if front["chosen"] is None:
            raise CommandError("; ".join(front["reasons"]), returncode=NOTHING_FEASIBLE)
        if not given["no_repository"]:
            deliver(folder, front, given["licence"], given["author"])
        if given["as_json"]:
            print(json.dumps(front, allow_nan=False))
        say(f"{front['reason']}; number {front['chosen']} is selected ({'; '.join(front['reasons'])}): {folder.path}")


def with_control(
    spec: SearchSpec, folder: SearchFolder, front: dict[str, Any], workers: int, cache: Path | None
) -> dict[str, Any]:
    """Searches once more at random for as much as the search has cost; front.json then holds both."""
    path = folder.path / "control"
    control = SearchFolder.resumed(path) if (path / HISTORY).exists() else SearchFolder.new(path)
    say(f"random search at the same compute cost: {path}")
    found = compared(front, run(control_spec(spec, front["cost"]), control, workers, cache))
    say(f"hypervolume {found['search_hypervolume']:.4f}, by random search {found['hypervolume']:.4f}")
    return folder.write_front(front | {"control": found})


def deliver(folder: SearchFolder, front: dict[str, Any], licence: str, author: str) -> None:
    """Writes the repository of the chosen network. Raises CommandError where its gate failed."""
    try:
        write_repository(folder, front, say, licence, author)
    except GateFailed as error:
        raise CommandError(str(error), returncode=GATE_FAILED) from error


def opened(given: dict[str, Any]) -> tuple[SearchSpec, SearchFolder]:
    """Opens the spec and its folder, both checked before anything is trained.

    Raises HistoryError where the options contradict one another, and SpecErrors where the target is a device.
    """
    document = document_of(given)
    if given["resume"] is not None:
        if document or given["out"] is not None:
            raise HistoryError("--resume takes the spec that the folder holds; leave the other options out")
        folder = SearchFolder.resumed(given["resume"])
        assert folder.header is not None
        spec = SearchSpec.from_document(folder.header["spec"], files=True)
    else:
        if given["out"] is None:
            raise HistoryError("--out DIR says where the results go; name a new folder")
        spec = SearchSpec.from_document(document, files=True)
        folder = SearchFolder.new(given["out"])
    if targets.device_number(spec.target) is not None:
        raise SpecErrors(
            (SpecError("target", "is a device, and only the portal reaches devices; start the search there"),)
        )
    assert SpecProblem(spec, datasets.facts(spec.dataset)).space.decisions  # created for the data's own shape
    return spec, folder


def document_of(given: dict[str, Any]) -> Any:
    """Makes the spec's document out of the options. Raises HistoryError where --spec comes with others."""
    document: dict[str, Any] = {}
    for path, each in flags().items():
        value = given[path.rpartition(".")[2]]
        if value is not None:
            put(document, path, [name.strip() for name in value.split(",")] if each.several else value)
    if given["control"]:
        document["control"] = True
    for what in ("algorithm", "space"):
        for pair in given[f"{what}_option"]:
            name, _, text = pair.partition("=")
            put(document, f"{what}_options.{name}", parsed(text))
    for pair in given["entries"]:
        name, _, text = pair.partition("=")
        put(document, name, parsed(text))
    if given["spec"] is None:
        return document
    if document:
        raise HistoryError("--spec FILE is the whole spec; leave the other options out, or write them into the file")
    return read_spec(given["spec"])


def put(document: dict[str, Any], path: str, value: Any) -> None:
    group, _, name = path.rpartition(".")
    (document.setdefault(group, {}) if group else document)[name] = value


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_spec(path: Path) -> Any:
    """Reads the document of --spec. Raises HistoryError where the file is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"--spec {path} is not JSON: {error}") from error


def named_as_options(message: str) -> str:
    """Names a fault by the option, not by the path in the document."""
    paths = {path: flag(path) for path in flags()}
    rows = []
    for row in message.split("\n"):
        path, colon, rest = row.partition(": ")
        rows.append(f"{paths[path]}: {rest}" if colon and path in paths else row)
    return "\n".join(rows)


@dataclass
class Course:
    """What the events of a search have reported so far."""

    tested: dict[int, float] = field(default_factory=dict)
    selection: events.SelectionFinished | None = None
    finished: events.SearchFinished | None = None
    best: float = 0.0


def run(spec: SearchSpec, folder: SearchFolder, workers: int, cache: Path | None = None) -> dict[str, Any]:
    """Starts the engine, keeps what it accepts, and returns front.json.

    Raises CommandError where the engine ends early.
    """
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
    """Shows the time so far, ``elapsed`` seconds of a resumed search included, and a time limit where there is one."""
    if spec.seconds is None:
        return tqdm(total=spec.evaluations, initial=networks, unit="network")
    limit = tqdm.format_interval(spec.seconds)
    form = f"{{desc}}{{n_fmt}} networks [{{elapsed}}, limit {limit}{{postfix}}]"
    bar = tqdm(total=spec.evaluations, initial=networks, bar_format=form)
    bar.start_t -= elapsed
    return bar


def follow(report: events.Event | events.Progress, folder: SearchFolder, course: Course, bar: Any) -> None:
    """Keeps one report of the engine and shows it. Raises CommandError where the search failed."""
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
    """Ends the search with what it has accepted on Ctrl-C and SIGTERM. Raises CommandError with exit code 130 then."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        way_out = f"continue with: manage.py search --resume {folder.path}"
        raise CommandError(f"stopped after {folder.networks} evaluations; {way_out}", returncode=INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt(number: int, frame: FrameType | None) -> Never:
    """Raises KeyboardInterrupt, as Ctrl-C does."""
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(text, file=sys.stderr)
