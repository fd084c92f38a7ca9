"""Replicas of one training: what one process computes, the same each time, and no hang where one of them is lost."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from architectures.ir import json as graph_json
from searches.engine.executors.executor import JobFinished, JobProgressed
from searches.engine.executors.process_executor import ProcessExecutor
from searches.evaluation.evaluator import perform
from searches.evaluation.job import Job, JobError, Result
from searches.evaluation.training.ddp import ProcessGroup, dropped, join, normalised
from searches.evaluation.training.ddp_launch import backend_for
from tests.searches.evaluation.training.test_checkpoints import network
from tests.searches.evaluation.worlds import job

TRAINING = {"epochs": 2, "batch_size": 65, "augmentation": "shift", "share": 0.5}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ProcessGroup]:
    """A team of one with real collectives."""
    with join(0, 1, tmp_path / "meeting", "gloo") as group:
        yield group


def trained(folder: Path, **changes: Any) -> tuple[Result, dict[str, Tensor]]:
    document = job(network(), folder, **{"training": TRAINING, "objectives": ["accuracy"], **changes})
    result = perform(Job.from_document(document), lambda moment: None)
    assert (result.status, result.reason) == ("done", "")
    return result, safetensors.torch.load_file(folder / result.files["weights"].path)


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, Tensor]]:
    """By two replicas, whose parts of a batch are not even."""
    return trained(tmp_path_factory.mktemp("double"), replicas=2)


def test_two_replicas_end_where_one_process_does(double: tuple[Result, dict[str, Tensor]], tmp_path: Path) -> None:
    single, weights = trained(tmp_path)
    shared, ours = double
    assert apart(weights, ours) < 1e-4
    assert shared.details["replicas"] == 2
    assert "replicas" not in single.details
    for (epoch, loss, accuracy), row in zip(single.curve, shared.curve, strict=True):
        assert (epoch, pytest.approx(loss, abs=1e-5), pytest.approx(accuracy, abs=0.01)) == row


@pytest.mark.slow
def test_replicas_repeat_themselves_to_the_bit(double: tuple[Result, dict[str, Tensor]], tmp_path: Path) -> None:
    again, weights = trained(tmp_path, replicas=2)
    assert again.curve == double[0].curve
    assert all(torch.equal(weights[name], double[1][name]) for name in weights)


@pytest.mark.slow
def test_a_failure_that_replicas_share_is_recorded_once(tmp_path: Path) -> None:
    training = TRAINING | {"learning_rate": 10.0, "optimizer": "adamw", "weight_decay": 1.0, "epochs": 6}
    document = job(network(), tmp_path, training=training, replicas=2)
    result = perform(Job.from_document(document), lambda moment: None)
    assert result.status == "failed"
    assert "loss is" in result.reason


@pytest.mark.slow
def test_the_leaders_clock_stops_them_all(tmp_path: Path) -> None:
    document = job(network(), tmp_path, training=TRAINING, replicas=2, deadline={"seconds": 0.0})
    result = perform(Job.from_document(document), lambda moment: None)
    assert result.reason == "stopped by the clock after 0 s, in epoch 1 of 2"
    assert not replicas_of(psutil.Process())


def replicas_of(process: psutil.Process) -> list[psutil.Process]:
    children = [child for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in children if "searches.evaluation.training.ddp_worker" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_a_killed_replica_ends_its_evaluator_and_the_training_is_done_again(tmp_path: Path) -> None:
    executor = ProcessExecutor(1)
    long = job(network(), tmp_path / "killed", training=TRAINING | {"epochs": 12}, replicas=2)
    executor.submit(long)
    while not isinstance(executor.receive(60), JobProgressed):
        pass
    before = executor._evaluators[0].process.pid
    for each in replicas_of(psutil.Process(before)):
        os.kill(each.pid, signal.SIGKILL)
    killed = time.monotonic()
    while before in [each.process.pid for each in executor._evaluators.values()]:
        executor.receive(0.1)
    assert time.monotonic() - killed < 10
    found = None
    while not isinstance(found, JobFinished):
        found = executor.receive(120)
    assert (found.status, found.reason) == ("done", "")
    executor.close()
    assert not replicas_of(psutil.Process())


def test_norms_are_torchs_own(alone: ProcessGroup) -> None:
    ours, theirs = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    images = 100 + torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))  # far from 0: no cancellation
    mine, other = images.clone().requires_grad_(), images.clone().requires_grad_()
    slope = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    for _ in range(2):
        (normalised(ours, mine) * slope).sum().backward()
        (theirs(other) * slope).sum().backward()
    assert mine.grad is not None
    assert other.grad is not None
    assert torch.allclose(mine.grad, other.grad, atol=1e-4)
    assert torch.allclose(normalised(ours, mine), theirs(other), atol=1e-4)
    assert apart(dict(ours.named_buffers()), dict(theirs.named_buffers())) < 1e-4
    assert ours.weight.grad is not None
    assert theirs.weight.grad is not None
    assert torch.allclose(ours.weight.grad, theirs.weight.grad, rtol=1e-4)


def test_dropout_is_cut_out_of_the_whole_batchs() -> None:
    layer, x = nn.Dropout(0.5), torch.rand(7, 6) + 1
    torch.manual_seed(3)
    whole = layer(x)
    parts = []
    for rank in range(2):
        group = ProcessGroup(rank, 2, images=7)
        torch.manual_seed(3)
        parts.append(dropped(layer, group, x[group.shard]))
    assert torch.equal(torch.cat(parts), whole)


def test_outside_a_step_layers_are_their_own_again() -> None:
    module = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5))
    with ProcessGroup(0, 2).in_step(module):
        assert all("forward" in vars(layer) for layer in module)
    assert not any("forward" in vars(layer) for layer in module)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_parts_make_up_the_batch_and_their_weights_the_mean(size: int) -> None:
    teams = [ProcessGroup(rank, size, images=17) for rank in range(size)]
    rows = list(range(17))
    assert [row for group in teams for row in rows[group.shard]] == rows
    mean = sum(group.weight * sum(rows[group.shard]) / len(rows[group.shard]) for group in teams) / size
    assert mean == pytest.approx(8)


def test_a_job_is_handed_on_as_it_came(tmp_path: Path) -> None:
    parent = {"graph": graph_json.to_document(network()), "weights": {"path": "weights/a", "sha256": "0"}}
    asked = Job.from_document(job(network(), tmp_path, replicas=2, deadline={"seconds": 5.0}, parent=parent))
    assert Job.from_document(asked.to_document()) == asked


def test_nccl_wants_a_device_each_and_other_devices_are_refused() -> None:
    gpu = torch.device("cuda")
    assert backend_for(torch.device("cpu"), 0, 2) == "gloo"
    assert backend_for(gpu, 1, 2) == "gloo"
    with pytest.raises(JobError, match=r"final_replicas is 2, but .* not on mps; set it to 1"):
        backend_for(torch.device("mps"), 0, 2)
