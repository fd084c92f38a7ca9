"""Pages of devices: pair one, see what it is and how it does, calibrate its target, take it away."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiling import services, targets
from profiling.models import Device, JobStatus

ROWS_ON_A_PAGE = 25


class DeviceForm(forms.Form):
    """A name, and the hardware that the device is most like."""

    name = forms.CharField(max_length=100, error_messages={"required": "Enter a name, such as Pi in the corner."})
    kind = forms.ChoiceField(
        choices=lambda: [(name, targets.get(name).title) for name in targets.names() if not targets.get(name).device],
        initial="raspberry_pi_4",
    )


def _own(request: HttpRequest, pk: int) -> Device:
    return get_object_or_404(Device.objects.owned_by(request.user), pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def devices(request: HttpRequest) -> HttpResponse:
    """The user's devices, and the form for one more."""
    form = DeviceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert request.user.is_authenticated
        try:
            device, code = services.device_create(owner=request.user, **form.cleaned_data)
        except ValidationError as fault:
            form.add_error(None, fault.messages)
        else:
            return _paired_by(request, device, code)
    context = {"devices": Device.objects.owned_by(request.user), "form": form}
    return render(request, "profiling/devices.html", context, status=422 if form.errors else 200)


@require_safe
def device(request: HttpRequest, device: int) -> HttpResponse:
    """Shows what the device is, how it does, its calibration and its measurements."""
    return _page(request, _own(request, device))


@require_POST
def act(request: HttpRequest, device: int, action: str) -> HttpResponse:
    """A new code, a calibration, a fit, another try of what failed, or the end of a device."""
    found = _own(request, device)
    if action == "code":
        return _paired_by(request, found, services.device_code_renew(device=found))
    if action == "delete":
        services.device_delete(device=found)
        messages.success(request, f"{found.name} was removed. The token of its agent no longer works.")
        return redirect("profiling:devices")
    if action == "calibrate":
        added = services.calibration_start(device=found)
        fitted = services.device_calibrate(device=found) if not added else None
        told = (
            "Calibrated again."
            if fitted
            else f"{added} networks are waiting for the device. Calibration follows the last measurement."
        )
        messages.success(request, told)
    elif action == "retry":
        for job in found.jobs.filter(status=JobStatus.FAILED):
            services.job_retry(job=job)
    else:
        return HttpResponse(f"A device has no action {action[:20]!r}.", status=404, content_type="text/plain")
    return redirect("profiling:device", device=device)


def _paired_by(request: HttpRequest, device: Device, code: str) -> HttpResponse:
    """The page with the code: it is shown once, only its hash is kept."""
    address = f"{request.scheme}://{request.get_host()}"
    return _page(request, device, code=code, address=address, minutes=services.CODE_MINUTES)


def _page(request: HttpRequest, device: Device, **more: object) -> HttpResponse:
    jobs = device.jobs.order_by("-finished", "-pk").defer("graph")
    context = {
        "device": device,
        "kind": targets.get(device.kind),
        "page": Paginator(jobs, ROWS_ON_A_PAGE).get_page(request.GET.get("page")),
        "waiting": device.jobs.filter(status__in=(JobStatus.QUEUED, JobStatus.LEASED)).count(),
        "measured": device.jobs.filter(status=JobStatus.DONE).count(),
        "failed": device.jobs.filter(status=JobStatus.FAILED).count(),
        "fitted": device.fitted,
    }
    return render(request, "profiling/device.html", context | more)
