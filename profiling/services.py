"""What is done with devices: pair one, hand out its jobs, take its results, calibrate. Each verb is one transaction."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from random import Random
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from architectures import spaces
from architectures.ir import compact
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.registry import UnknownName
from profiling import targets
from profiling.calibration import LEAST_MEASUREMENTS, Calibration, Measurement, calibrate
from profiling.models import MEASURING_SECONDS, Device, DeviceJob, JobStatus

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
CODE_LENGTH = 10  # 50 bits
CODE_MINUTES = 15
TOKEN_PREFIX = "nasd_"
HANDED_AT_MOST = 5  # times; a network that kills its agent so often is recorded as failed
CALIBRATION = "calibration"
CALIBRATION_NETWORKS = 40
FIGURES = ("corrected_ms", "p50_ms", "p95_ms", "min_ms")


class PairingRefused(ValueError):
    """A code that opens nothing."""

    def __init__(self) -> None:
        super().__init__(
            f"This pairing code is wrong, used, or older than {CODE_MINUTES} minutes: "
            "create a new one on the page of the device."
        )


class LateResult(ValueError):
    """A result of a job that was handed out again, or is gone."""


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


# Devices


@transaction.atomic
def device_create(*, owner: AbstractBaseUser, name: str, kind: str) -> tuple[Device, str]:
    """Creates a device and the code with which its agent pairs once.

    Raises ValidationError where the kind is unknown or is this machine.
    """
    try:
        if targets.get(kind).device or targets.device_number(kind) is not None:
            raise ValidationError({"kind": "must be a kind of hardware apart from this machine"})
    except UnknownName as error:
        raise ValidationError({"kind": str(error)}) from error
    code = new_code()
    device = Device(owner_id=owner.pk, name=" ".join(name.split()), kind=kind, **_code_fields(code))
    device.full_clean()
    device.save()
    return device, code


@transaction.atomic
def device_code_renew(*, device: Device) -> str:
    """A new code; the paired agent goes on until the code is used."""
    code = new_code()
    Device.objects.filter(pk=device.pk).update(**_code_fields(code))
    return code


def new_code() -> str:
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return f"{code[:5]}-{code[5:]}"


def _code_fields(code: str) -> dict[str, Any]:
    return {"code_digest": digest_of(code), "code_expires": timezone.now() + timedelta(minutes=CODE_MINUTES)}


@transaction.atomic
def device_pair(*, code: str, specification: Mapping[str, Any]) -> tuple[Device, str]:
    """Uses the code up and returns the agent's token, which is shown nowhere else.

    Raises PairingRefused where the code is wrong, used or expired.
    """
    digest, token = digest_of(code.strip().upper()), TOKEN_PREFIX + secrets.token_urlsafe(32)
    waiting = Device.objects.filter(code_digest=digest, code_expires__gt=timezone.now())
    device = waiting.first()
    # The code once more, inside the update that uses it up: one of two agents wins.
    if device is None or not waiting.filter(pk=device.pk).update(
        code_digest="",
        code_expires=None,
        token_digest=digest_of(token),
        specification=dict(specification),
        last_seen=timezone.now(),
    ):
        raise PairingRefused
    device.refresh_from_db()
    return device, token


def device_of_token(token: str) -> Device | None:
    if not token.startswith(TOKEN_PREFIX):
        return None
    return Device.objects.filter(token_digest=digest_of(token), owner__is_active=True).first()


@transaction.atomic
def device_delete(*, device: Device) -> None:
    """Deletes a device with all that it measured; its agent's token is worth nothing any more."""
    device.delete()


# Jobs


@dataclass(frozen=True)
class HandedOut:
    """A job under a lease: the token fences a result that comes from before a restart."""

    job: DeviceJob
    token: int


@transaction.atomic
def job_submit(*, device: Device, graph: Graph, purpose: str) -> DeviceJob:
    """The measurement of this network on this device, which may be there already."""
    job, _ = DeviceJob.objects.get_or_create(
        device=device,
        fingerprint=fingerprint(graph),
        defaults={"graph": compact.dumps(graph), "purpose": purpose[:100]},
    )
    return job


@transaction.atomic
def job_take(*, device: Device, state: Mapping[str, Any]) -> HandedOut | None:
    """Returns what the agent shall do next: the job that it had, if it was killed in its middle, else the oldest."""
    now = timezone.now()
    Device.objects.filter(pk=device.pk).update(last_seen=now, state=dict(state))
    open_jobs = device.jobs.filter(status__in=(JobStatus.LEASED, JobStatus.QUEUED))
    for job in sorted(open_jobs[:50], key=lambda each: (each.status != JobStatus.LEASED, each.pk)):
        if job.lease_token >= HANDED_AT_MOST:
            reason = f"the agent ended {HANDED_AT_MOST} times while it measured this network"
            as_read = DeviceJob.objects.filter(pk=job.pk, lease_token=job.lease_token, status=job.status)
            as_read.update(status=JobStatus.FAILED, reason=reason, finished=now)
            continue
        token = DeviceJob.objects.claim(
            job, seconds=MEASURING_SECONDS, owner=f"device/{device.pk}", from_live=True, status=JobStatus.LEASED
        )
        if token is not None:
            return HandedOut(job, token)
    return None


@transaction.atomic
def job_finish(*, device: Device, pk: int, token: int, result: Mapping[str, Any]) -> DeviceJob:
    """Stores a result once. Raises LateResult where it comes late, twice or from another device."""
    now = timezone.now()
    Device.objects.filter(pk=device.pk).update(last_seen=now)
    failure = str(result.get("failure", ""))[:2000] or unusable(result)
    changes = {"status": JobStatus.FAILED, "reason": failure} if failure else {"status": JobStatus.DONE}
    mine = DeviceJob.objects.filter(pk=pk, device=device)
    if not mine.release(token, result=dict(result), finished=now, **changes):
        raise LateResult(
            "The job was handed out again, is done, or belongs to another device. The result was not saved."
        )
    return device.jobs.get(pk=pk)


def unusable(result: Mapping[str, Any]) -> str:
    """Returns what is wrong with an agent's figures, or nothing."""
    latency = result.get("latency")
    if not isinstance(latency, Mapping):
        return "the agent sent no latency"
    for name in FIGURES:
        value = latency.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value <= 0:
            return f"the agent's {name} is no time above 0"
    return ""


@transaction.atomic
def job_retry(*, job: DeviceJob) -> None:
    """Measures a network that failed once more."""
    failed = DeviceJob.objects.filter(pk=job.pk, status=JobStatus.FAILED)
    failed.update(status=JobStatus.QUEUED, result=None, reason="", lease_token=0, lease_until=None, finished=None)


# Calibration


@transaction.atomic
def calibration_start(*, device: Device, networks: int = CALIBRATION_NETWORKS) -> int:
    """Queues random chain networks until so many are measured or wait; returns how many were added."""
    space = spaces.create("chain", (3, 32, 32), 10)
    there = device.jobs.exclude(status=JobStatus.FAILED).count()
    added, number = 0, 0
    while there + added < networks and number < 10 * networks:
        graph = space.decode(space.sample(Random(f"calibration/{number}")))
        number += 1
        job = DeviceJob.objects.filter(device=device, fingerprint=fingerprint(graph)).first()
        if job is None:
            job_submit(device=device, graph=graph, purpose=CALIBRATION)
            added += 1
    return added


def device_calibrate(*, device: Device) -> Calibration | None:
    """Fits to all steady measurements of the device; None while there are too few."""
    done = device.jobs.filter(status=JobStatus.DONE).values_list("graph", "result")
    found = [(graph, result["latency"]) for graph, result in done if result]
    steady = [(graph, latency) for graph, latency in found if latency.get("is_steady", True)]
    if len(steady) < LEAST_MEASUREMENTS:
        return None
    fitted = calibrate([Measurement(compact.loads(graph), latency["corrected_ms"]) for graph, latency in steady])
    Device.objects.filter(pk=device.pk).update(calibration=fitted.to_document(), calibrated=timezone.now())
    return fitted


def is_calibration_due(device: Device) -> bool:
    """No network of the calibration waits any more, and something was measured since the last fit."""
    if device.jobs.filter(status__in=(JobStatus.QUEUED, JobStatus.LEASED), purpose=CALIBRATION).exists():
        return False
    newer = Q(finished__gt=device.calibrated) if device.calibrated else Q()
    return device.jobs.filter(newer, status=JobStatus.DONE, purpose=CALIBRATION).exists()
