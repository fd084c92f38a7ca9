"""Latency from a user's device: a run's questions become the device's jobs, its results the answers.

While the device is away the run pauses, or the calibrated model answers for it, labelled: as the spec says.
"""

from typing import Any

from architectures.ir.graph import Graph
from profiling import services as profiling_services
from profiling import targets
from profiling.meters import mailbox
from profiling.meters.roofline import predict
from profiling.models import Device, DeviceJob, JobStatus
from searches.models import SearchRun
from searches.models.status import Status
from searches.services.transitions import run_move

AWAY = "the device is away"


def device_of(run: SearchRun) -> Device | None:
    """The device that the run's target names, where it is its starter's."""
    number = targets.device_number(run.spec["target"])
    return Device.objects.filter(pk=number, owner_id=run.created_by_id).first() if number else None


def questions_answer(run: SearchRun) -> str:
    """Answers what can be answered; returns why the run has to pause, or nothing."""
    if targets.device_number(run.spec["target"]) is None:
        return ""
    waiting = list(mailbox.questions(run.folder))
    if not waiting:
        return ""
    device = device_of(run)
    for question in waiting:
        if document := answer_of(run, device, question.graph):
            question.answer(document)
        elif device is None or device.is_away:
            return pause_reason(device)
    return ""


def answer_of(run: SearchRun, device: Device | None, graph: Graph) -> dict[str, Any] | None:
    """Returns what the device measured, or what the model says in its place; None while it is waited for."""
    if device is not None:
        job = profiling_services.job_submit(device=device, graph=graph, purpose=f"run {run.pk}")
        if job.status == JobStatus.DONE:
            return measured(device, job)
        if job.status == JobStatus.FAILED:
            return {"failure": f"{device.name} could not measure it: {job.reason}"}
    is_away = device is None or device.is_away
    return modelled(run, device, graph) if is_away and run.spec.get("when_away") == "model" else None


def measured(device: Device, job: DeviceJob) -> dict[str, Any]:
    assert job.result is not None
    latency = job.result["latency"]
    details = {"device": device.name, **latency, "memory": job.result.get("memory", {})}
    return {"milliseconds": latency["corrected_ms"], "how": "measured", "details": details}


def modelled(run: SearchRun, device: Device | None, graph: Graph) -> dict[str, Any]:
    """Models latency by the device's calibration with its known error, else by the numbers of its kind."""
    name = device.name if device else f"device {targets.device_number(run.spec['target'])}"
    calibration = device.fitted if device else None
    if calibration is not None:
        details: dict[str, Any] = {
            "device": name,
            "why": AWAY,
            "model": "calibrated on the device",
            "median_error": calibration.fit.median_error,
        }
        return {"milliseconds": calibration.milliseconds(graph), "how": "modelled", "details": details}
    target = targets.create(run.spec["target"])
    details = {"device": name, "why": AWAY, "model": f"roofline of {target.title}"}
    return {"milliseconds": predict(graph, target).milliseconds, "how": "modelled", "details": details}


def pause_reason(device: Device | None) -> str:
    name = f"{device.name} does not answer" if device else "it was removed, or belongs to another user"
    return f"{AWAY}: {name}. The run continues when the device is back"


def resume_returned() -> int:
    """Runs that waited for a device which is back go on; a user's own pause has no such reason."""
    moved = 0
    for run in SearchRun.objects.filter(status=Status.PAUSED, reason__startswith=AWAY):
        device = device_of(run)
        if device is not None and not device.is_away:
            moved += run_move(run=run, sources=[Status.PAUSED], target=Status.QUEUED)
    return moved
