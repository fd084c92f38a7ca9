"""What nasportal-agent asks: pair, poll, fetch the network of its job, post a result. A device sees nothing else."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe

from architectures.ir import compact
from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Relu
from profiling import services
from profiling.meters.onnx_file import onnx_file
from profiling.models import Device, JobStatus

AGENT = Path(__file__).parent / "agent" / "nasportal_agent.py"
LARGEST_BODY = 64 * 1024
WAIT_SECONDS = 2.0  # between two questions
View = Callable[..., HttpResponse]


class BadBody(ValueError):
    """A request that is no JSON object of a sensible size."""


def for_agents(view: View) -> View:
    """Opens the view to a device's token only: no session and no user's token is looked at."""

    @wraps(view)
    def checked(request: HttpRequest, **arguments: Any) -> HttpResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        device = services.device_of_token(token.strip()) if scheme.lower() == "bearer" else None
        if device is None:
            return refusal("This device is not paired, or was removed. Pair it with a code of its page.", 403)
        try:
            return view(request, device, **arguments)
        except BadBody as fault:
            return refusal(str(fault), 400)

    return csrf_exempt(login_not_required(checked))


def refusal(message: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": message}, status=status)


def body_of(request: HttpRequest) -> Mapping[str, Any]:
    """Reads the JSON object of a request. Raises BadBody where it is too long or no such object."""
    if int(request.headers.get("Content-Length") or 0) > LARGEST_BODY:
        raise BadBody(f"The body must have at most {LARGEST_BODY:,} bytes.")
    try:
        document = json.loads(request.body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadBody("The body must be JSON without NaN or Infinity.") from error
    if not isinstance(document, dict):
        raise BadBody("The body must be a JSON object.")
    return document


def refuse_constant(name: str) -> None:
    """Raises ValueError for NaN and Infinity, which are no JSON."""
    raise ValueError(name)


def mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Returns the JSON object under a name, or an empty one. Raises BadBody where the value is anything else."""
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise BadBody(f"{name} must be a JSON object.")
    return found


@csrf_exempt
@login_not_required
@require_POST
def pair(request: HttpRequest) -> HttpResponse:
    """A code for a token, once."""
    try:
        document = body_of(request)
        code = document.get("code", "")
        device, token = services.device_pair(
            code=code if isinstance(code, str) else "", specification=mapping(document, "specification")
        )
    except BadBody as fault:
        # The same status as a wrong code: whoever knocks without one learns nothing.
        return refusal(str(fault), 403)
    except services.PairingRefused as refused:
        return refusal(str(refused), 403)
    return JsonResponse({"token": token, "device": device.pk, "name": device.name}, status=201)


@for_agents
@require_POST
def poll(request: HttpRequest, device: Device) -> HttpResponse:
    """The next job, or how long to wait."""
    handed = services.job_take(device=device, state=mapping(body_of(request), "state"))
    if handed is None:
        return JsonResponse({"job": None, "wait_seconds": WAIT_SECONDS})
    job = {"id": handed.job.pk, "token": handed.token, "fingerprint": handed.job.fingerprint, "threads": 1}
    return JsonResponse({"job": job})


@for_agents
@require_GET
def model(request: HttpRequest, device: Device, job: int) -> HttpResponse:
    """The network of a job that this device holds, as ONNX."""
    held = get_object_or_404(device.jobs.filter(status=JobStatus.LEASED), pk=job)
    return HttpResponse(onnx_file(compact.loads(held.graph)), content_type="application/octet-stream")


@for_agents
@require_GET
def reference(request: HttpRequest, device: Device) -> HttpResponse:
    """The small network that every measurement is interleaved with."""
    return HttpResponse(onnx_file(reference_graph()), content_type="application/octet-stream")


@for_agents
@require_POST
def result(request: HttpRequest, device: Device, job: int) -> HttpResponse:
    """Stores the result of a job once. Raises BadBody where the job's token is missing."""
    document = body_of(request)
    token = document.get("token")
    if not isinstance(token, int):
        raise BadBody("token must be the whole number that came with the job.")
    kept = {name: value for name, value in document.items() if name != "token"}
    try:
        done = services.job_finish(device=device, pk=job, token=token, result=kept)
    except services.LateResult as late:
        return refusal(str(late), 409)
    if done.purpose == services.CALIBRATION and services.is_calibration_due(device):
        services.device_calibrate(device=device)
    return JsonResponse({"status": done.status})


@login_not_required
@require_safe
def program(request: HttpRequest) -> HttpResponse:
    """The agent itself: a public file without secrets."""
    return HttpResponse(AGENT.read_bytes(), content_type="text/x-python; charset=utf-8")


def reference_graph() -> Graph:
    builder = Builder((16, 8, 8))
    x = "input"
    for number, channels in enumerate((16, 32, 32)):
        with builder.scope(f"layer{number}"):
            x = builder.add("conv", Conv2d(channels), x)
            x = builder.add("relu", Relu(), builder.add("norm", BatchNorm(), x))
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    builder.add("linear", Linear(10), x)
    return builder.build()
