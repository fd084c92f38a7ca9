"""What only a GPU can show: `pytest -m gpu`. Without one each of these says that it was skipped."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import safetensors.torch
import torch

from architectures.ir.complexity import complexity
from architectures.nets.module import build
from bench import gpus as bench
from profiling.meters.energy import Nvml
from profiling.meters.latency import timed, timed_on_cuda
from profiling.meters.memory import measured_peak
from searches.engine import engine_process, hardware
from searches.engine.events import EvaluationFinished, SearchFinished
from searches.engine.executors import gpu_slots
from searches.engine.executors.executor import JobFinished
from searches.engine.executors.gpu_slots import available_slots
from searches.engine.executors.process_executor import ProcessExecutor
from searches.evaluation import datasets
from searches.evaluation.evaluator import perform, split_of
from searches.evaluation.job import Job
from searches.evaluation.training.device import precision as kind_of
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import tensors
from searches.evaluation.training.trainer import TrainStep, make_optimizer
from tests.codegen.networks import sampled
from tests.searches.evaluation.worlds import chain_network, job, small_network

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
EITHER = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])]


def on_gpu(test: Callable[..., None]) -> Callable[..., None]:
    """Both marks under one name."""
    marked: Callable[..., None] = pytest.mark.gpu(NO_GPU(test))
    return marked


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_DEVICE", "cuda")
    split_of.cache_clear()


def losses(device: str, precision: str, steps: int = 8) -> list[float]:
    """Of the first batch of digits, trained on again and again."""
    place = torch.device(device)
    training = tensors(datasets.open("digits"), "train").to(place)
    module = build(chain_network(6), 1).to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe = Recipe(precision=precision, learning_rate=0.02)
    kind = kind_of(recipe.precision, place, training.images.shape[-1])
    train_step = TrainStep(module.train(), make_optimizer(module, recipe), recipe, place, kind)
    rows = torch.arange(64)
    return [float(train_step.step(training.batch(rows), training.classes_of(rows))) for _ in range(steps)]


@pytest.mark.parametrize(
    ("device", "precision"),
    [
        ("cpu", "bfloat16"),
        pytest.param("cuda", "bfloat16", marks=[pytest.mark.gpu, NO_GPU]),
        pytest.param("cuda", "float16", marks=[pytest.mark.gpu, NO_GPU]),
    ],
)
def test_half_precision_learns_as_float32_does(device: str, precision: str) -> None:
    full, half = losses(device, "float32"), losses(device, precision)
    assert half[0] == pytest.approx(full[0], rel=0.02)
    assert half[-1] == pytest.approx(full[-1], rel=0.1)
    assert half[-1] < 0.7 * half[0]


@on_gpu
@pytest.mark.parametrize("number", range(6))
def test_a_gpu_gives_the_logits_of_the_cpu(number: int) -> None:
    graph = sampled(number)
    module = build(graph, seed=number).eval()
    images = torch.randn((4, *graph.input_shape), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        here = module(images)
        there = module.to("cuda")(images.to("cuda")).cpu()
    assert float((here - there).abs().max()) <= 1e-4 * max(1.0, float(here.abs().max()))


@on_gpu
def test_events_agree_with_the_clock_on_the_wall() -> None:
    square = torch.randn((4096, 4096), device="cuda")

    def run() -> None:
        for _ in range(20):
            square @ square
        torch.cuda.synchronize()

    run()
    pairs = [(timed_on_cuda(run), timed(run)) for _ in range(5)]
    assert min(event / wall for event, wall in pairs) > 0.9
    assert any(event == pytest.approx(wall, rel=0.05) for event, wall in pairs)


@on_gpu
@pytest.mark.parametrize("number", range(1, 9))
def test_the_counted_peak_is_the_allocators(number: int) -> None:
    graph = sampled(number)
    found = measured_peak(graph, batch=256, device="cuda").value
    image = 4 * 256 * torch.Size(graph.input_shape).numel()  # counted, and there before the run
    assert (found + image) / (256 * complexity(graph).activation_peak_bytes) == pytest.approx(1, abs=0.05)


@on_gpu
def test_the_boards_counter_runs() -> None:
    counter = Nvml()
    if not counter.is_readable():
        pytest.skip("nvidia-ml-py is not installed, or this board has no counter of energy")
    square = torch.randn((4096, 4096), device="cuda")
    seen = [counter.microjoules()]
    for _ in range(3):
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            square @ square
            torch.cuda.synchronize()
        seen.append(counter.microjoules())
    assert all(counter.spent(before, after) > 0 for before, after in pairwise(seen))


@on_gpu
def test_a_search_measures_latency_and_the_allocators_peak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_DEVICE", "cuda")
    spec = {
        "evaluations": 6,
        "seed": 1,
        "objectives": ["accuracy", "latency", "memory"],
        "target": "cuda",
        "training": {"epochs": 2},
        "space_options": {"max_layers": 4, "widths": [16, 32]},
    }
    process = engine_process.start(spec, [], tmp_path, 2)
    try:
        reports = list(process.events())
    finally:
        process.stop()
    assert isinstance(reports[-1], SearchFinished), (tmp_path / engine_process.LOG).read_text()[-2000:]
    done = [each for each in reports if isinstance(each, EvaluationFinished) and each.status == "done"]
    assert len(done) == 6
    for each in done:
        assert each.values["latency"] > 0
        assert each.timing["latency"]["how"] == "measured"
        assert torch.cuda.get_device_name() in each.timing["latency"]["machine"]
        assert each.timing["memory"]["bytes"] > 0
    assert max(each.values["accuracy"] for each in done) > 0.8


@on_gpu
def test_a_candidate_that_does_not_fit_on_the_gpu_has_failed(tmp_path: Path, on_cuda: None) -> None:
    """By its own guard; nothing else of the device is lost."""
    graph = small_network(channels=512)
    document = job(graph, tmp_path, training={"epochs": 1, "batch_size": 1024})
    result = perform(Job.from_document(document), lambda moment: None, memory_limit_bytes=2**26)
    assert result.reason == "out of memory while training; a smaller batch or network fits"
    assert perform(Job.from_document(job(small_network(), tmp_path)), lambda moment: None).status == "done"


@on_gpu
def test_evaluators_are_spread_over_the_devices(tmp_path: Path, on_cuda: None) -> None:
    found = available_slots(2**31)
    assert found is not None
    assert len(found.held) == torch.cuda.device_count()
    executor = ProcessExecutor(found.count, slots=found)
    try:
        for number in range(found.count):
            executor.submit(job(small_network(), tmp_path, number=number))
        seen = {
            Path(f"/proc/{each.process.pid}/environ").read_text().partition(f"{gpu_slots.VISIBLE}=")[2].split("\0")[0]
            for each in executor._evaluators.values()
        }
        done = []
        while len(done) < found.count:
            if isinstance(message := executor.receive(120), JobFinished):
                done.append(message.status)
    finally:
        executor.close()
    assert seen == set(found.held)
    assert set(done) == {"done"}


@on_gpu
def test_two_replicas_end_where_one_process_does(
    tmp_path: Path, on_cuda: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over NCCL where there are two devices, over gloo on one."""
    monkeypatch.setenv(gpu_slots.ALL_GPUS, ",".join(each.name for each in hardware.gpus()))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    training = {"epochs": 2, "batch_size": 64, "augmentation": "shift", "precision": "float32"}
    found = []
    for replicas in (1, 2):
        folder = tmp_path / str(replicas)
        document = job(small_network(), folder, training=training, replicas=replicas)
        result = perform(Job.from_document(document), lambda moment: None)
        assert (result.status, result.reason) == ("done", "")
        found.append(safetensors.torch.load_file(folder / result.files["weights"].path))
    assert all(torch.allclose(found[0][name].float(), found[1][name].float(), atol=1e-2) for name in found[0])


@pytest.mark.slow
@pytest.mark.parametrize("device", EITHER)
def test_the_benchmark_runs(device: str) -> None:
    found = bench.figures(device, images=256, epochs=1, networks=1, workers=0)
    assert {name for name, value in found.items() if value > 0} >= {"ours_a_minute", "plain_a_minute"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_the_benchmark_says_so() -> None:
    assert bench.run() == {"skipped": "needs a CUDA device, and torch sees none"}
