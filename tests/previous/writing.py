"""What the portal of the previous head wrote into its data folder: by its services and its supervisor."""

from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from searches import services
from searches.models import Project, Replay, SearchRun
from searches.models.status import Status
from searches.services import annotations as annotating
from searches.services import replays as replay_services
from searches.spec import SearchSpec
from searches.supervision.supervisor import Outcome, RunSupervisor, Timing
from tests.previous import searched
from tests.support import formula_engine
from tests.support.formula import FormulaExecutor
from tests.support.world import claim

FINISHED = SearchSpec.from_document(
    searched.SMALL | {"evaluations": 24, "algorithm_options": {"population": 6}, "seed": 4}
)
CLIMB = {**searched.CLIMB, "final_seeds": 1}
PAUSED = SearchSpec.from_document(
    searched.SMALL | {"evaluations": 60, "algorithm_options": {"population": 8}, "ladder": CLIMB, "seed": 5}
)
HALF = 30  # results
SLICE_SECONDS = 2.5  # of a supervisor, of which an engine needs one to begin
NOTE = "The **finished** run of the previous head."
TABLE = "code,quality,latency\n" + "\n".join(f"0{a}{b},{10 * a + b},{1 + a * b}" for a in range(3) for b in range(4))
QUESTION = {
    "code": "code", "search_on": "quality", "report": "", "minimise": "latency", "cost": "", "budget": "",
    "evaluations": "6", "repeats": "2", "seed": "1", "lag": "0", "algorithms": "random_search,nsga2",
}  # fmt: skip


def written() -> dict[str, Any]:
    """Fills the data folder; the answer is what data.json holds."""
    call_command("migrate", verbosity=0)
    alice = User.objects.create_user("alice")  # nobody can sign in with a password
    project = services.project_create(owner=alice, name="Digits on a phone")
    with patch("searches.engine.engine_process.COMMAND", formula_engine.COMMAND):
        finished, paused = finish(project), pause(project)
    annotate(finished, alice)
    services.template_save(project=project, name="Half an hour", spec=PAUSED, by=alice)
    return {
        "user": alice.get_username(),
        "project": {"name": project.name, "slug": project.slug, "template": "Half an hour"},
        "finished": facts(finished, FINISHED) | {"note": NOTE, "tag": "previous"},
        "paused": facts(paused, PAUSED),
        "replay": replay(alice).pk,
    }


def finish(project: Project) -> SearchRun:
    run = services.run_create(project=project, spec=FINISHED, name="Searched to its end", by=project.owner)
    assert RunSupervisor(claim(run)).work() is Outcome.FINISHED
    run.refresh_from_db()
    return run


def pause(project: Project) -> SearchRun:
    """Short slices, until half is done; then its user wants it to wait."""
    run = services.run_create(project=project, spec=PAUSED, name="Paused half way", by=project.owner)
    while len(run.lines()) < HALF:
        assert RunSupervisor(claim(run), Timing(slice=SLICE_SECONDS)).work() is Outcome.SETTLED
        run.refresh_from_db()
    services.run_pause(run=run, by=project.owner)
    assert run.status == Status.PAUSED
    forget_unnamed(run)
    return run


def forget_unnamed(run: SearchRun) -> None:
    """Weights that the stopped engine had written for results that were not accepted any more."""
    named = {file["path"] for files in run.evaluations.values_list("files", flat=True) for file in files.values()}
    for path in (run.folder / "weights").iterdir():
        if path.relative_to(run.folder).as_posix() not in named:
            path.unlink()


def annotate(run: SearchRun, user: User) -> None:
    annotating.note_save(target=run, text=NOTE, by=user)
    annotating.tags_set(target=run, names=["previous"])
    assert run.chosen_number is not None
    annotating.star_set(target=run.candidates.get(number=run.chosen_number), user=user, is_starred=True)


def replay(user: User) -> Replay:
    question = replay_services.question_from(QUESTION)
    table = SimpleUploadedFile("small.csv", TABLE.encode())
    made = replay_services.replay_create(owner=user, table="", file=table, question=question)
    assert replay_services.replay_work(pk=made.pk) == "finished"
    return made


def facts(run: SearchRun, spec: SearchSpec) -> dict[str, Any]:
    """The hash is that of an undisturbed search, whatever the run has come to."""
    undisturbed = searched.history(spec, FormulaExecutor()).sha256
    assert run.history_sha256 in ("", undisturbed)
    return {
        "pk": run.pk,
        "name": run.name,
        "status": run.status,
        "results": len(run.lines()),
        "chosen": run.chosen_number,
        "history_sha256": undisturbed,
    }
