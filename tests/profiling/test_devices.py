"""Devices: pairing, jobs that are neither lost nor doubled, results that must be times, pages of one's own devices."""

import json
import random
from datetime import timedelta
from typing import Any

import onnxruntime
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from architectures import spaces
from architectures.ir.graph import Graph
from profiling import services
from profiling.models import AWAY_SECONDS, Device, DeviceJob, JobStatus

TIMES = {"corrected_ms": 2.0, "p50_ms": 2.1, "p95_ms": 2.5, "min_ms": 1.9, "is_steady": True}


def network(seed: int = 0) -> Graph:
    space = spaces.create("chain", (1, 8, 8), 10)
    return space.decode(space.sample(random.Random(seed)))


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create(username="alice")


@pytest.fixture
def paired(alice: User) -> tuple[Device, str]:
    _, code = services.device_create(owner=alice, name="Pi in the corner", kind="raspberry_pi_4")
    return services.device_pair(code=code, specification={"processor": "Cortex-A72"})


class Agent:
    """As nasportal-agent speaks."""

    def __init__(self, token: str) -> None:
        self.client = Client(headers={"authorization": f"Bearer {token}"}, enforce_csrf_checks=True)

    def post(self, path: str, document: Any) -> Any:
        return self.client.post(f"/agent/{path}", json.dumps(document), content_type="application/json")

    def poll(self) -> Any:
        return self.post("poll/", {"state": {"temperature_c": 51.0}}).json()["job"]

    def answer(self, job: Any, **result: Any) -> Any:
        return self.post(f"jobs/{job['id']}/result/", {"token": job["token"], "latency": TIMES} | result)


def test_a_code_pairs_once(alice: User) -> None:
    device, code = services.device_create(owner=alice, name="Pi", kind="raspberry_pi_4")
    assert not device.is_paired
    paired, token = services.device_pair(code=f" {code.lower()} ", specification={})
    assert paired == device
    assert services.device_of_token(token) == device
    assert code not in str(Device.objects.values())
    assert token not in str(Device.objects.values())
    for wrong in (code, "AAAAA-AAAAA", ""):
        with pytest.raises(services.PairingRefused, match="wrong, used, or older than 15 minutes"):
            services.device_pair(code=wrong, specification={})


def test_an_old_code_is_refused(alice: User) -> None:
    device, code = services.device_create(owner=alice, name="Pi", kind="raspberry_pi_4")
    Device.objects.filter(pk=device.pk).update(code_expires=timezone.now())
    with pytest.raises(services.PairingRefused):
        services.device_pair(code=code, specification={})


def test_a_new_code_replaces_the_old_agents_token_when_it_is_used(paired: tuple[Device, str]) -> None:
    device, old = paired
    code = services.device_code_renew(device=device)
    assert services.device_of_token(old) == device
    _, new = services.device_pair(code=code, specification={})
    assert services.device_of_token(old) is None
    assert services.device_of_token(new) == device


@pytest.mark.parametrize(("kind", "message"), [("this_machine", "apart from this machine"), ("abacus", "no hardware")])
def test_a_device_is_of_a_known_kind(alice: User, kind: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        services.device_create(owner=alice, name="Pi", kind=kind)


def test_a_network_is_measured_once_whoever_asks(paired: tuple[Device, str]) -> None:
    device, token = paired
    first = services.job_submit(device=device, graph=network(), purpose="run 1")
    assert services.job_submit(device=device, graph=network(), purpose="run 2") == first
    agent = Agent(token)
    assert agent.answer(agent.poll()).json() == {"status": "done"}
    assert agent.poll() is None
    assert services.job_submit(device=device, graph=network(), purpose="run 3").status == JobStatus.DONE


def test_the_job_of_a_killed_agent_is_handed_out_again_and_its_late_result_refused(paired: tuple[Device, str]) -> None:
    device, token = paired
    for seed in range(2):
        services.job_submit(device=device, graph=network(seed), purpose="run 1")
    agent = Agent(token)
    before = agent.poll()
    again = agent.poll()  # it was killed, and is back
    assert (again["id"], again["token"]) == (before["id"], before["token"] + 1)
    late = agent.answer(before)
    assert (late.status_code, late.json()["detail"]) == (
        409,
        "The job was handed out again, is done, or belongs to another device. The result was not saved.",
    )
    assert agent.answer(again).status_code == 200
    assert agent.answer(again).status_code == 409  # told twice
    assert agent.poll()["id"] != again["id"]


def test_a_network_that_kills_its_agent_is_given_up(paired: tuple[Device, str]) -> None:
    device, token = paired
    job = services.job_submit(device=device, graph=network(), purpose="run 1")
    agent = Agent(token)
    for _ in range(services.HANDED_AT_MOST):
        assert agent.poll()
    assert agent.poll() is None
    job.refresh_from_db()
    assert (job.status, job.reason) == ("failed", "the agent ended 5 times while it measured this network")
    services.job_retry(job=job)
    assert agent.poll()["id"] == job.pk


@pytest.mark.parametrize(
    ("latency", "reason"),
    [
        (TIMES | {"p50_ms": -1}, "the agent's p50_ms is no time above 0"),
        (TIMES | {"corrected_ms": "2"}, "the agent's corrected_ms is no time above 0"),
        (TIMES | {"min_ms": True}, "the agent's min_ms is no time above 0"),
        ([], "the agent sent no latency"),
    ],
)
def test_what_is_no_time_is_no_measurement(paired: tuple[Device, str], latency: Any, reason: str) -> None:
    device, token = paired
    services.job_submit(device=device, graph=network(), purpose="run 1")
    agent = Agent(token)
    assert agent.answer(agent.poll(), latency=latency).json() == {"status": "failed"}
    assert device.jobs.get().reason == reason


def test_an_agent_reads_its_jobs_and_nothing_else(paired: tuple[Device, str], alice: User) -> None:
    device, token = paired
    other, _code = services.device_create(owner=alice, name="Phone", kind="phone")
    foreign = services.job_submit(device=other, graph=network(1), purpose="run 1")
    waiting = services.job_submit(device=device, graph=network(2), purpose="run 1")
    agent = Agent(token)
    assert agent.client.get(f"/agent/jobs/{foreign.pk}/model.onnx").status_code == 404
    assert agent.client.get(f"/agent/jobs/{waiting.pk}/model.onnx").status_code == 404  # not handed out yet
    job = agent.poll()
    model = agent.client.get(f"/agent/jobs/{job['id']}/model.onnx")
    assert onnxruntime.InferenceSession(model.content).get_inputs()[0].shape == [1, 1, 8, 8]
    for path in ("/", "/devices/", f"/devices/{device.pk}/", "/projects/"):
        assert agent.client.get(path).status_code == 302  # to the login page
    assert agent.client.get("/api/v1/runs/").status_code == 401
    assert agent.answer(job | {"id": foreign.pk}).status_code == 409
    for wrong in ("", "nasd_forged", token + "x"):
        refused = Agent(wrong).post("poll/", {})
        assert (refused.status_code, "is not paired" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body must be JSON without NaN or Infinity."),
        (b"[]", "The body must be a JSON object."),
        (b'{"state": [1]}', "state must be a JSON object."),
        (b'{"state": {"load": NaN}}', "The body must be JSON without NaN or Infinity."),
        (b" " * 70_000, "The body must have at most 65,536 bytes."),
    ],
)
def test_a_broken_body_is_refused_in_a_sentence(paired: tuple[Device, str], body: bytes, message: str) -> None:
    answer = Agent(paired[1]).client.post("/agent/poll/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (400, message)


def test_a_device_is_away_when_nothing_is_heard_of_it(paired: tuple[Device, str]) -> None:
    device, token = paired
    assert not device.is_away
    long_ago = timezone.now() - timedelta(seconds=AWAY_SECONDS + 1)
    Device.objects.update(last_seen=long_ago)
    device.refresh_from_db()
    assert device.is_away
    services.job_submit(device=device, graph=network(), purpose="run 1")
    Agent(token).poll()
    Device.objects.update(last_seen=long_ago)
    device.refresh_from_db()
    assert not device.is_away  # it measures, and says nothing meanwhile


def test_a_device_is_calibrated_when_the_last_network_is_measured(paired: tuple[Device, str]) -> None:
    device, token = paired
    assert services.calibration_start(device=device, networks=14) == 14
    assert services.calibration_start(device=device, networks=14) == 0
    agent = Agent(token)
    while job := agent.poll():
        macs = len(DeviceJob.objects.get(pk=job["id"]).graph)
        agent.answer(job, latency=TIMES | {"corrected_ms": macs / 100})
    device.refresh_from_db()
    assert device.fitted is not None
    assert device.fitted.fit.measurements == 14
    assert len(device.fitted.fit.points) == 14


def test_pages_show_ones_own_devices_only(paired: tuple[Device, str], alice: User, client: Client) -> None:
    device, token = paired
    services.job_submit(device=device, graph=network(), purpose="run 1")
    agent = Agent(token)
    agent.answer(agent.poll(), memory={"peak_bytes": 5_000_000})
    client.force_login(alice)
    assert device.target_name in client.get("/devices/").content.decode()
    page = client.get(f"/devices/{device.pk}/").content.decode()
    for part in ("Cortex-A72", "51 °C", "2.00 ms", "5.00 MB", "Not calibrated", f"raspberry_pi_4@{device.pk}"):
        assert part in page
    client.force_login(User.objects.create(username="charlie"))
    assert device.target_name not in client.get("/devices/").content.decode()
    assert client.get(f"/devices/{device.pk}/").status_code == 404
    assert client.post(f"/devices/{device.pk}/delete/").status_code == 404


def test_a_device_is_made_in_a_form_and_its_code_shown_once(alice: User, client: Client) -> None:
    client.force_login(alice)
    refused = client.post("/devices/", {"name": "", "kind": "phone"})
    assert (refused.status_code, "Enter a name" in refused.content.decode()) == (422, True)
    page = client.post("/devices/", {"name": "Pi", "kind": "raspberry_pi_5"}).content.decode()
    assert "nasportal_agent.py http://testserver --code " in page
    device = Device.objects.get()
    assert "--code" not in client.get(f"/devices/{device.pk}/").content.decode()
    again = client.post("/devices/", {"name": "Pi", "kind": "raspberry_pi_5"})
    assert again.status_code == 422
    assert client.post(f"/devices/{device.pk}/calibrate/", follow=True).status_code == 200
    assert device.jobs.count() == services.CALIBRATION_NETWORKS
    assert "--code" in client.post(f"/devices/{device.pk}/code/").content.decode()
    client.post(f"/devices/{device.pk}/delete/")
    assert not Device.objects.exists()


def test_the_agent_is_one_file_that_anybody_may_fetch(client: Client) -> None:
    text = client.get("/agent/nasportal_agent.py").content.decode()
    assert "import django" not in text
    assert "import torch" not in text
    compile(text, "nasportal_agent.py", "exec")
