"""The control of a run: a random search at the same counted cost, started when the run is finished."""

from searches import services
from searches.engine.random_control import control_spec
from searches.models import SearchRun
from searches.spec import SearchSpec

SUFFIX = " (random baseline)"


def control_start(*, run: SearchRun, cost: int) -> SearchRun | None:
    """Queues the control that the run's spec asks for, in the transaction that finishes the run; once for each run."""
    if not run.spec.get("control") or run.controls.exists():
        return None
    spec = control_spec(SearchSpec.from_document(run.spec), cost)
    by = run.created_by or run.project.owner
    name = run.name[: 200 - len(SUFFIX)] + SUFFIX
    control = services.run_create(project=run.project, spec=spec, name=name, by=by, is_bounded=False)
    SearchRun.objects.filter(pk=control.pk).update(control_of=run)
    control.refresh_from_db()
    return control
