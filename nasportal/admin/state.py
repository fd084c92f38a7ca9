"""The state of the portal in figures, for its administrators and for Prometheus: queue, leases, workers, disk."""

import hmac
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Task
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from codegen.models import Repository
from nasportal.lib import work_places
from nasportal.lib.work_kinds import KINDS
from nasportal.lib.work_queue import Queued
from nasportal.setup.prepare import missing_migrations
from searches.models import Event, Notice, SearchRun
from searches.services import datasets
from searches.supervision.retention import held_bytes

CANARY = "canary"
WORK_WORDS = {
    "places": "Places of each kind of work on this machine",
    "at_work": "Work of each kind that is under way",
    "queued": "Work of each kind that waits for a place",
    "oldest_seconds": "Longest wait of each kind of work in seconds",
}


def runs_by_status() -> dict[str, int]:
    return dict(SearchRun.objects.counted())


def leases() -> list[dict[str, Any]]:
    """Lists which worker holds which run right now."""
    live = SearchRun.objects.leased().select_related("project").order_by("lease_owner", "pk")
    now = timezone.now()
    return [
        {
            "run": run.pk,
            "name": run.name,
            "owner": run.lease_owner,
            "status": run.status,
            "seconds_left": (run.lease_until - now).total_seconds() if run.lease_until else 0.0,
            "attempt": run.attempt,
        }
        for run in live
    ]


def canary_seconds() -> float | None:
    """Since a small task last went through the cluster; the guard sends one every quarter of a minute."""
    newest = Task.objects.filter(group=CANARY).order_by("-stopped").values_list("stopped", flat=True).first()
    return (timezone.now() - newest).total_seconds() if newest else None


def work() -> list[dict[str, Any]]:
    """Each kind of work: places on this machine, rows at work and in the queue of all machines, longest wait in s."""
    queues = {model.WORK: model for model in apps.get_models() if issubclass(model, Queued)}
    return [{"kind": kind.name} | _work_of(kind.name, queues.get(kind.name)) for kind in KINDS]


def _work_of(kind: str, model: type[Queued] | None) -> dict[str, Any]:
    places = {"places": settings.WORK_PLACES[kind]}
    if model is not None:
        rows: Any = model._default_manager.all()
        waits = rows.oldest_wait().total_seconds()
        return places | {"at_work": rows.leased().count(), "queued": rows.claimable().count(), "oldest_seconds": waits}
    at_work, since = _without_queue(kind)
    oldest = (timezone.now() - min(since)).total_seconds() if since else 0.0
    return places | {"at_work": at_work, "queued": len(since), "oldest_seconds": max(oldest, 0.0)}


def _without_queue(kind: str) -> tuple[int, list[datetime]]:
    """Counts what is running of a kind that is claimed otherwise, and lists since when each further piece waits."""
    if kind == "notifications":
        due = Notice.objects.due(timezone.now()).values_list("due", flat=True)
        return Notice.objects.leased().count(), list(due)
    return work_places.taken(kind), datasets.portraits_asked()


def disk() -> dict[str, int]:
    usage = shutil.disk_usage(settings.DATA_DIR)
    return {"total": usage.total, "free": usage.free, "runs": held_bytes()}


def state() -> dict[str, Any]:
    """Everything that the administrator's page shows."""
    totals = SearchRun.objects.aggregate(
        done=Sum("evaluations_done"), failed=Sum("evaluations_failed"), duplicates=Sum("duplicates")
    )
    return {
        "runs": runs_by_status(),
        "queue": get_broker().queue_size(),
        "work": work(),
        "leases": leases(),
        "shares": SearchRun.objects.all().shares(),
        "canary_seconds": canary_seconds(),
        "evaluations": {name: value or 0 for name, value in totals.items()},
        "events": Event.objects.count(),
        "repositories": dict(Repository.objects.order_by().values_list("status").annotate(Count("pk"))),
        "notices_waiting": Notice.objects.filter(status="waiting").count(),
        "disk": disk(),
        "migrations_missing": missing_migrations(),
    }


class PortalCollector:
    """The figures of the rows, read when they are asked for."""

    def collect(self) -> Iterable[Metric]:
        now = state()
        yield labelled("nasportal_runs", "Search runs by status", "status", now["runs"])
        yield labelled("nasportal_evaluations", "Evaluations of all runs", "outcome", now["evaluations"])
        yield labelled("nasportal_repositories", "Generated repositories by status", "status", now["repositories"])
        yield labelled("nasportal_disk_bytes", "Disk space of the data folder", "what", now["disk"])
        yield GaugeMetricFamily("nasportal_queue_messages", "Messages waiting for a worker", value=now["queue"])
        for name, words in WORK_WORDS.items():
            figures = {each["kind"]: each[name] for each in now["work"]}
            yield labelled(f"nasportal_work_{name}", words, "kind", figures)
        yield GaugeMetricFamily("nasportal_leases", "Runs with a live supervisor", value=len(now["leases"]))
        yield GaugeMetricFamily("nasportal_events", "Stored events", value=now["events"])
        yield GaugeMetricFamily("nasportal_notices_waiting", "Notifications waiting", value=now["notices_waiting"])
        since = now["canary_seconds"]
        value = float("nan") if since is None else since
        yield GaugeMetricFamily("nasportal_canary_seconds", "Since a task last went through the cluster", value=value)


def labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family


def exposition() -> bytes:
    """Prometheus' text format: the portal's figures and those of this process."""
    registry = CollectorRegistry()
    registry.register(PortalCollector())
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def is_metrics_token(authorization: str) -> bool:
    """Returns whether the header carries NASPORTAL_METRICS_TOKEN; without that variable no token is right."""
    scheme, _, given = authorization.partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted.encode())
