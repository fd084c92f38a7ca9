"""The other processes of a training that is shared: the evaluator leads, starts them, and never waits for a dead one.

Each is ``python -m searches.evaluation.training.ddp_worker`` with the job on its stdin, on a device of its own where
there are enough. A replica that is lost takes the evaluator with it: its parent does the job again, as after
any death of an evaluator, and the training goes on from its last kept epoch.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import torch
import torch.distributed as dist

from searches.evaluation.job import Job, JobError
from searches.evaluation.training.ddp import ProcessGroup, join

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "searches.evaluation.training.ddp_worker")
ALL_GPUS = "EVALUATOR_GPUS"  # written by searches/engine/executors/gpu_slots.py: the evaluator's own first
VISIBLE = "CUDA_VISIBLE_DEVICES"
LOST = 75  # exit code of an evaluator that lost a replica
LOOK_SECONDS = 2.0  # for a replica's end to be known, once its connection broke


@contextmanager
def process_group_of(job: Job, device: torch.device, memory_limit_bytes: int | None) -> Iterator[ProcessGroup]:
    """Starts as many processes as the job asks for; none is left behind."""
    if job.replicas == 1:
        yield ProcessGroup()
        return
    gpus = [name for name in os.environ.get(ALL_GPUS, "").split(",") if name]
    backend = backend_for(device, len(gpus), job.replicas)
    with tempfile.TemporaryDirectory(prefix="replicas-") as folder:
        meeting = Path(folder) / "meeting"
        facts: dict[str, object] = {"backend": backend, "size": job.replicas, "meeting": meeting, "parent": os.getpid()}
        if memory_limit_bytes is not None:
            facts["memory-limit-bytes"] = memory_limit_bytes
        arguments = [f"--{name}={value}" for name, value in facts.items()]
        others = [started(job, rank, arguments, gpus) for rank in range(1, job.replicas)]
        is_over = Event()
        for each in others:
            Thread(target=watch, args=(each, is_over), daemon=True).start()
        try:
            set_loopback()
            with join(0, job.replicas, meeting, backend) as group, led(others, is_over, device):
                yield group
        finally:
            end(others, is_over)


@contextmanager
def led(others: Sequence[subprocess.Popen[bytes]], is_over: Event, device: torch.device) -> Iterator[None]:
    """The training itself. Replicas end before the connections to them do: they would take that for a death of ours."""
    try:
        yield
    except RuntimeError:
        # A broken connection is reported in torch's own words; its reason, a replica's end, may be known a bit later.
        for each in others:
            with suppress(subprocess.TimeoutExpired):
                if each.wait(LOOK_SECONDS / len(others)):
                    leave(each)
        raise
    finally:
        if device.type == "cuda":  # what was asked of the device may still wait for the others
            torch.cuda.synchronize(device)
        end(others, is_over)


def end(others: Sequence[subprocess.Popen[bytes]], is_over: Event) -> None:
    is_over.set()
    for each in others:
        each.kill()
        each.wait()


def backend_for(device: torch.device, gpus: int, replicas: int) -> str:
    """Returns nccl where each replica has a device, else gloo, which goes through the host's memory.

    Raises JobError where torch cannot train in several processes on the device.
    """
    if device.type not in ("cpu", "cuda") or not dist.is_available():
        raise JobError(
            f"ladder.final_replicas is {replicas}, but torch trains in several processes on CPUs and NVIDIA GPUs only, "
            f"not on {device.type}; set it to 1"
        )
    return "nccl" if device.type == "cuda" and gpus >= replicas and dist.is_nccl_available() else "gloo"


def started(job: Job, rank: int, arguments: Sequence[str], gpus: Sequence[str]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = os.environ | {"PYTHONPATH": path}
    if gpus:
        variables[VISIBLE] = gpus[rank % len(gpus)]
    process = subprocess.Popen([*COMMAND, f"--rank={rank}", *arguments], stdin=subprocess.PIPE, env=variables)
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin:  # it died: its watcher knows
        process.stdin.write(json.dumps(job.to_document()).encode())
    return process


def watch(replica: subprocess.Popen[bytes], is_over: Event) -> None:
    if replica.wait() and not is_over.is_set():
        leave(replica)


def leave(replica: subprocess.Popen[bytes]) -> None:
    """Ends the process at once: NCCL's kernels wait for a dead replica for ever and cannot be stopped."""
    print(f"a replica of this training ended with {replica.returncode}; its evaluator ends, too", file=sys.stderr)
    sys.stderr.flush()
    os._exit(LOST)


def set_loopback() -> None:
    """Else the connections listen on every interface."""
    if sys.platform == "linux":
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(name, "lo")
