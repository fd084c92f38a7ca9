"""Latency from a device in a search: asked in the run's folder, measured once, paused or modelled while it is away."""

import random
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from architectures import spaces
from architectures.documents import SpecErrors
from architectures.ir.graph import Graph
from profiling import services as devices
from profiling.meters import mailbox
from profiling.meters.roofline import predict
from profiling.models import AWAY_SECONDS, Device
from profiling.targets import create
from searches import services
from searches.forms import RunForm
from searches.models import SearchRun
from searches.models.status import Status
from searches.selectors.metrics import as_told, measure, measures_of
from searches.supervision import device_latency, leases, reaper
from searches.supervision.supervisor import Outcome
from tests.searches.supervision.test_supervisor import Steered, supervised
from tests.support.entered import sent
from tests.support.world import World, claim, spec

TIMES = {"p50_ms": 2.1, "p95_ms": 2.5, "min_ms": 1.9, "is_steady": True}


def network(seed: int = 0) -> Graph:
    space = spaces.create("chain", (1, 8, 8), 10)
    return space.decode(space.sample(random.Random(seed)))


@pytest.fixture
def device(world: World) -> Device:
    _, code = devices.device_create(owner=world.alice, name="Pi in the corner", kind="raspberry_pi_4")
    return devices.device_pair(code=code, specification={})[0]


def run_on(device: Device, world: World, **changes: Any) -> SearchRun:
    small = {"target": device.target_name, "evaluations": 3, "training": {"epochs": 1, "share": 0.2}} | changes
    return services.run_create(project=world.project, spec=spec(**small), name="on the Pi", by=world.alice)


def measure_one(device: Device) -> bool:
    """As the agent does: the latency is a function of the network."""
    handed = devices.job_take(device=device, state={})
    if handed is None:
        return False
    milliseconds = 1 + len(handed.job.graph) / 1000
    result = {"latency": TIMES | {"corrected_ms": milliseconds}}
    devices.job_finish(device=device, pk=handed.job.pk, token=handed.token, result=result)
    return True


def go_away(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(last_seen=timezone.now() - timedelta(seconds=AWAY_SECONDS + 1))


def come_back(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(last_seen=timezone.now())


def asked(run: SearchRun, graph: Graph) -> tuple[Thread, list[Any]]:
    """An evaluator that waits for the latency of a network."""
    found: list[Any] = []
    thread = Thread(target=lambda: found.append(mailbox.ask(run.folder, graph)), daemon=True)
    thread.start()
    while not list(mailbox.questions(run.folder)):
        thread.join(0.02)
    return thread, found


def test_a_question_becomes_a_job_and_its_result_the_answer(world: World, device: Device) -> None:
    run = run_on(device, world)
    thread, found = asked(run, network())
    assert device_latency.questions_answer(run) == ""
    assert thread.is_alive()
    assert measure_one(device)
    assert device_latency.questions_answer(run) == ""
    thread.join(5)
    assert (found[0].how, found[0].details["device"]) == ("measured", "Pi in the corner")
    assert found[0].value == device.jobs.get().result["latency"]["corrected_ms"]  # type: ignore[index]
    # Asked again, in this run after a kill or in another one, it is not measured again.
    assert mailbox.ask(run.folder, network()) == found[0]
    again, more = asked(run_on(device, world), network())
    assert not device_latency.questions_answer(SearchRun.objects.latest("pk"))
    again.join(5)
    assert more[0].value == found[0].value
    assert device.jobs.count() == 1


def test_a_network_that_the_device_cannot_measure_fails_its_candidate(world: World, device: Device) -> None:
    run = run_on(device, world)
    job = devices.job_submit(device=device, graph=network(), purpose="by hand")
    handed = devices.job_take(device=device, state={})
    assert handed
    devices.job_finish(device=device, pk=job.pk, token=handed.token, result={"failure": "MemoryError"})
    question = mailbox.Question(run.folder / mailbox.FOLDER / f"{job.fingerprint}.question")
    question.path.parent.mkdir(parents=True)
    question.path.write_text(job.graph)
    device_latency.questions_answer(run)
    with pytest.raises(mailbox.NotMeasured, match="Pi in the corner could not measure it: MemoryError"):
        mailbox.ask(run.folder, network())


def test_while_it_is_away_the_model_answers_if_the_user_chose_so(world: World, device: Device) -> None:
    run = run_on(device, world, when_away="model")
    go_away(device)
    thread, found = asked(run, network())
    assert device_latency.questions_answer(run) == ""
    thread.join(5)
    assert found[0].how == "modelled"
    assert found[0].details["model"].startswith("roofline of Raspberry Pi 4")
    assert found[0].value == predict(network(), create("raspberry_pi_4")).milliseconds
    told = as_told(measure("latency", True, run.spec["target"]), {"latency": found[0].to_document()})
    assert told.modelled  # ≈ for this candidate, though the column is measured
    come_back(device)
    devices.calibration_start(device=device, networks=12)
    while measure_one(device):
        pass
    device.refresh_from_db()
    fitted = devices.device_calibrate(device=device)
    go_away(device)
    thread, found = asked(run, network(5))
    device_latency.questions_answer(run)
    thread.join(5)
    assert fitted is not None
    assert found[0].details["model"] == "calibrated on the device"
    assert found[0].value == pytest.approx(fitted.milliseconds(network(5)))


def test_a_device_measures_for_its_owner_only(world: World, device: Device, client: Client) -> None:
    with pytest.raises(SpecErrors, match="target: is no paired device of yours"):
        services.run_create(project=world.project, spec=spec(target=device.target_name), name="not Bob's", by=world.bob)
    for person in (world.bob, world.alice):
        client.force_login(person)
        page = client.get(f"/projects/{world.project.slug}/new/").content.decode()
        assert ("Pi in the corner (your device)" in page) is (person == world.alice)
    data = sent(spec(target=device.target_name), "on the Pi")
    message = "is no paired device of yours; select one of your own or a kind of hardware"
    assert RunForm(data, project=world.project, by=world.bob).errors == {"target": [message]}
    assert not RunForm(data, project=world.project, by=world.alice).errors


def test_a_target_that_nothing_here_can_measure_is_refused_in_the_form(world: World, client: Client) -> None:
    client.force_login(world.alice)
    filled = {"dataset": "digits", "space": "chain", "algorithm": "random_search", "objectives": "latency"}
    answer = client.post(f"/projects/{world.project.slug}/new/check/", filled | {"target": "cuda", "choose": "knee"})
    (message,) = answer.json()["errors"]["target"]
    assert message.startswith("cannot be measured: this machine has no NVIDIA driver")
    assert message.endswith("select the target gpu to model an NVIDIA T4")


@pytest.mark.slow
def test_a_search_pauses_while_the_device_is_away_and_goes_on_when_it_is_back(world: World, device: Device) -> None:
    run = run_on(device, world, objectives=["accuracy", "latency", "memory", "energy"])

    def leave_after_the_first(supervisor: Steered) -> None:
        if not device.jobs.filter(status="done").exists():
            come_back(device)
            measure_one(device)
        else:
            go_away(device)

    assert supervised(run, leave_after_the_first) is Outcome.SETTLED
    assert (run.status, run.reason.partition(":")[0]) == (Status.PAUSED, device_latency.AWAY)
    assert "Pi in the corner does not answer" in run.reason
    reaper.device_latency.resume_returned()
    run.refresh_from_db()
    assert run.status == Status.PAUSED
    come_back(device)
    assert device_latency.resume_returned() == 1

    def stay(supervisor: Steered) -> None:
        come_back(device)
        measure_one(device)

    assert supervised(run, stay) is Outcome.FINISHED
    values = {each.fingerprint: each.values for each in run.evaluations.all()}
    assert len(values) == 3
    measured = {job.fingerprint: job.result["latency"]["corrected_ms"] for job in device.jobs.all() if job.result}
    assert {name: each["latency"] for name, each in values.items()} == measured
    for evaluation in run.evaluations.all():
        assert set(evaluation.values) == {"accuracy", "latency", "memory", "energy"}
        assert evaluation.timing["latency"]["how"] == "measured"
        assert evaluation.timing["energy"]["how"] == "modelled"


def test_the_terminal_refuses_a_device(tmp_path: Any) -> None:
    from django.core.management import CommandError, call_command

    with pytest.raises(CommandError, match="only the portal reaches devices"):
        call_command("search", dataset="digits", target="raspberry_pi_4@7", out=tmp_path / "out")


def test_pausing_needs_the_lease(world: World, device: Device) -> None:
    run = run_on(device, world)
    held = claim(run)
    leases.run_pause_because(claim=leases.Claim(run.pk, held.token + 1), reason="x")
    run.refresh_from_db()
    assert run.status == Status.RUNNING


@pytest.mark.slow
def test_accuracy_latency_memory_and_energy_are_searched_together(world: World) -> None:
    wanted = ["accuracy", "latency", "memory", "energy"]
    small = {"objectives": wanted, "evaluations": 2, "training": {"epochs": 1, "share": 0.2}}
    run = services.run_create(project=world.project, spec=spec(**small), name="all four", by=world.alice)
    assert supervised(run) is Outcome.FINISHED
    assert run.front_size >= 1
    columns = {each.name: each.modelled for each in measures_of(run.spec)}
    for evaluation in run.evaluations.all():
        assert set(evaluation.values) == set(wanted)
        how = evaluation.timing["energy"]["how"]
        assert columns["energy"] is (how == "modelled")  # no counter, so ≈ on every page
        assert evaluation.timing["latency"]["how"] == "measured"
    assert not columns["latency"]
