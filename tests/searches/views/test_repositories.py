"""Pages round a repository: its files before and after the download, its certificate, a bundle of several points."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.urls import reverse

from codegen.models import Repository, RepositoryStatus
from codegen.sources.tree import SourceTree
from searches import services
from tests.searches.views.test_pages import signed_in
from tests.support.world import World

ROW = {
    "name": "onnx", "file": "exports/model.onnx", "bytes": 28_785, "max_difference": 4.8e-7, "mean_difference": 1.2e-7,
    "agreement": 1.0, "tolerance": 1e-4, "accuracy": 0.975, "reason": "", "verdict": "passed",
}  # fmt: skip
STEP = {"p95_ms": 1.0, "bytes": 26_968, "accuracy": 0.975, "after": "", "note": ""}
VERDICT: dict[str, Any] = {
    "verdict": "passed",
    "checks": [{"name": "ruff", "passed": True, "detail": "check and format"}],
    "exports": [ROW],
    "left_out": {"pt2": "logits differ by 0.5; the first difference appears at stem.conv"},
    "first_differences": {"pt2": "stem.conv"},
    "benchmark": {
        "machine": "Linux x86_64, 2 cores",
        "accuracy_on": "359 test images",
        "steps": [
            {**STEP, "step": "eager", "p50_ms": 0.4, "factor": 1.0},
            {**STEP, "step": "int8", "p50_ms": 0.1, "factor": 4.0, "note": "no gain here", "after": "onnx"},
        ],
    },
}


def asked_for(world: World, **changes: Any) -> Repository:
    candidate = world.finished.candidates.get(number=world.finished.chosen_number)
    repository = services.repository_request(candidate=candidate, by=world.alice, **changes)
    return repository


def made(world: World, folder: Path) -> Repository:
    """As the job leaves it."""
    repository = asked_for(world)
    tree = SourceTree.of({"model.py": "x = '<b>'\n", "README.md": "# net\n", "weights/model.safetensors": b"\x00\xff"})
    digest = tree.zip(folder / "net.zip", "net")
    Repository.objects.filter(pk=repository.pk).update(
        status=RepositoryStatus.READY, archive="net.zip", sha256=digest, verdict=VERDICT
    )
    repository.refresh_from_db()
    return repository


def page(world: World, name: str, repository: Repository, **query: str) -> str:
    response = signed_in(world, "viewer").get(reverse(f"codegen:{name}", args=[repository.pk]), query)
    assert response.status_code == HTTPStatus.OK
    return response.content.decode()


def test_the_files_of_a_candidate_are_shown_before_they_are_made(world: World) -> None:
    url = reverse("searches:candidate-files", args=[world.finished.pk, world.finished.chosen_number])
    text = signed_in(world, "viewer").get(url).content.decode()
    for name in ("model.py", "train.py", "Dockerfile", "requirements.txt", "architecture.json"):
        assert f">{name}</a>" in text
    assert "class</span>" in text  # highlighted
    licensed = signed_in(world, "viewer").get(url, {"path": "LICENSE", "licence": "Apache-2.0"}).content.decode()
    assert "Apache License" in licensed
    assert signed_in(world, "stranger").get(url).status_code == HTTPStatus.NOT_FOUND


def test_a_front_that_was_trained_in_full_with_several_seeds_can_be_delivered(world: World) -> None:
    evaluation = world.finished.evaluations.filter(number=world.finished.chosen_number).latest("fidelity")
    evaluation.values |= {"accuracy_interval": 0.0123, "seeds": 3, "training_loss": 0.5, "synflow": 4.0}
    evaluation.save()
    url = reverse("searches:candidate-files", args=[world.finished.pk, world.finished.chosen_number])
    shown = signed_in(world, "viewer").get(url, {"path": "README.md"})
    assert shown.status_code == HTTPStatus.OK
    results = {each["name"]: each for each in asked_for(world).request["results"]}
    assert results["accuracy"]["note"] == ("validation split, mean of 3 seeds ± 1.2 percentage points (95 % interval)")
    assert not {"accuracy_interval", "seeds", "training_loss", "synflow"} & results.keys()


def test_the_licence_is_chosen_on_asking_and_makes_another_repository(world: World) -> None:
    url = reverse("searches:candidate-repository", args=[world.finished.pk, world.finished.chosen_number])
    client = signed_in(world, "viewer")
    places = {client.post(url, {"licence": name})["Location"] for name in ("MIT", "BSD-3-Clause", "MIT")}
    assert len(places) == 2
    assert set(Repository.objects.values_list("request__licence", flat=True)) == {"MIT", "BSD-3-Clause"}
    refused = client.post(url, {"licence": "GPL"}, follow=True).content.decode()
    assert "licence must be one of MIT, Apache-2.0, BSD-3-Clause, proprietary" in refused


def test_a_made_repository_shows_its_steps_files_and_certificate(world: World, data: Path) -> None:
    repository = made(world, data)
    status = page(world, "repository", repository)
    assert "no gain here (after onnx)" in status
    assert "4.0×" in status
    shown = page(world, "files", repository, path="model.py")
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "This file is binary" in page(world, "files", repository, path="weights/model.safetensors")
    assert page(world, "files", repository, path="../etc/passwd").count("README.md") > 1
    certificate = page(world, "certificate", repository)
    for words in ("4.8e-07", "97.5", "first difference at", "stem.conv", "Batch norm"):
        assert words in certificate


def test_several_points_of_a_front_become_one_bundle(world: World) -> None:
    numbers = list(world.finished.evaluations.filter(status="done").values_list("number", flat=True)[:3])
    url = reverse("searches:run-bundle", args=[world.finished.pk])
    asked = signed_in(world, "viewer").post(url, {"n": numbers})
    bundle = Repository.objects.get()
    assert asked["Location"] == reverse("codegen:repository", args=[bundle.pk])
    assert set(bundle.request["variants"]) == {"small", "base", "large"}
    assert not bundle.is_single
    assert "several (bundle)" in page(world, "repository", bundle)
    alone = signed_in(world, "viewer").post(url, {"n": numbers[:1]}, follow=True).content.decode()
    assert "variants must be 2 to 5 networks, but are 1" in alone
    candidate = signed_in(world, "viewer").get(reverse("searches:candidate", args=[world.finished.pk, numbers[0]]))
    assert "Generate repository" in candidate.content.decode()


def test_what_has_no_weights_any_more_is_not_offered(world: World) -> None:
    number = world.finished.chosen_number
    world.finished.evaluations.filter(number=number).update(files={})
    for name in ("candidate", "candidate-panel"):
        shown = signed_in(world, "viewer").get(reverse(f"searches:{name}", args=[world.finished.pk, number]))
        text = shown.content.decode()
        assert f"No repository: The weights of candidate {number} are not kept" in text
        assert "Generate repository" not in text
