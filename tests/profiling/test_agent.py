"""nasportal-agent as a device runs it: a process with an environment of its own, over HTTP, killed in the middle."""

import importlib.util
import json
import subprocess
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import User

from architectures import spaces
from profiling import services
from profiling.agent_views import AGENT
from profiling.models import JobStatus

# What onnxruntime imports, and nothing of the portal's.
PACKAGES = ("numpy", "numpy.libs", "onnxruntime", "flatbuffers", "packaging", "google")
NETWORKS = 20


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with numpy and onnxruntime alone."""
    folder = tmp_path_factory.mktemp("device")
    venv.create(folder, with_pip=False)
    installed = Path(str(importlib.util.find_spec("onnxruntime").origin)).parents[1]  # type: ignore[union-attr]
    (into,) = folder.glob("lib/python*/site-packages")
    for name in PACKAGES:
        if (installed / name).exists():
            (into / name).symlink_to(installed / name)
    return folder / "bin" / "python"


def start(python: Path, address: str, state: Path, *options: str) -> subprocess.Popen[str]:
    command = [str(python), "-I", str(AGENT), address, "--state", str(state), "--seconds", "0.4", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def said(agent: subprocess.Popen[str]) -> str:
    return agent.communicate(timeout=60)[1]


def measured(agent: subprocess.Popen[str], count: int) -> None:
    """Until it has told of so many networks. Its lines, not the rows: the test's database has one connection."""
    assert agent.stderr is not None
    while count:
        line = agent.stderr.readline()
        assert line, "the agent ended early"
        count -= line.endswith(" ms\n")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_pairs_measures_is_killed_and_comes_back(python: Path, live_server: Any, tmp_path: Path) -> None:
    without = subprocess.run([python, "-I", "-c", "import django, torch"], capture_output=True, check=False)
    assert without.returncode != 0
    alice = User.objects.create(username="alice")
    device, code = services.device_create(owner=alice, name="Pi", kind="raspberry_pi_4")
    space = spaces.create("chain", (1, 8, 8), 10)
    graphs = [space.decode(space.sample(Random(seed))) for seed in range(NETWORKS)]
    for graph in graphs:
        services.job_submit(device=device, graph=graph, purpose="run 1")
    state = tmp_path / "agent.json"

    wrong = start(python, live_server.url, state, "--code", "AAAAA-AAAAA")
    assert "wrong, used, or older than 15 minutes" in said(wrong)
    assert wrong.returncode == 2
    agent = start(python, live_server.url, state, "--code", code)
    measured(agent, NETWORKS // 2)
    time.sleep(0.2)
    agent.kill()  # in the middle of a network
    agent.wait()
    before = device.jobs.filter(status=JobStatus.DONE).count()
    used = start(python, live_server.url, tmp_path / "other.json", "--code", code)
    assert "wrong, used, or older than 15 minutes" in said(used)

    agent = start(python, live_server.url, state)
    measured(agent, NETWORKS - before)
    agent.terminate()
    agent.communicate(timeout=30)
    jobs = list(device.jobs.order_by("pk"))
    assert len(jobs) == len({job.fingerprint for job in jobs}) == NETWORKS
    assert {job.status for job in jobs} == {JobStatus.DONE}
    assert sum(job.lease_token - 1 for job in jobs) <= 1  # the one that was cut off was handed out twice
    for job in jobs:
        latency = job.result["latency"]  # type: ignore[index]
        assert 0 < latency["min_ms"] <= latency["p50_ms"] <= latency["p95_ms"]
        assert latency["corrected_ms"] > 0
    device.refresh_from_db()
    assert device.specification["onnxruntime"]
    assert device.specification["cores"] >= 1
    assert (state.stat().st_mode & 0o777) == 0o600

    token = json.loads(state.read_text())[live_server.url]["token"]
    for path in ("/", "/devices/", "/api/v1/runs/", f"/agent/jobs/{jobs[0].pk}/model.onnx"):
        assert refused(live_server.url + path, token)


def refused(address: str, token: str) -> bool:
    """Led to the login page, 401, or not there."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return "/login/" in answer.url
    except urllib.error.HTTPError as error:
        return error.code in (401, 403, 404)
