"""The profile page of an architecture."""

from pathlib import Path
from zipfile import ZipFile

from django.test import Client

from codegen.models import RepositoryStatus
from profiling import services as devices
from profiling import targets
from searches import services
from searches.selectors.profile import exported
from tests.support.world import World


def path(world: World) -> str:
    return f"/runs/{world.finished.pk}/candidates/{world.finished.chosen_number}/profile/"


def test_it_shows_layers_roofline_files_and_targets(world: World, client: Client) -> None:
    client.force_login(world.vera)
    page = client.get(path(world)).content.decode()
    for title in (
        *(targets.get(name).title for name in targets.names() if not targets.get(name).absence()),
        "Roofline of",
        "File size",
        "Layer by layer",
    ):
        assert title.replace("'", "&#x27;") in page
    assert "bound by arithmetic" in page
    other = client.get(path(world) + "?target=phone").content.decode()
    assert "<strong>Phone, one big core of the Cortex-A76 class</strong>" in other
    assert client.get(path(world) + "?target=%3Cx%3E").status_code == 200
    client.force_login(world.charlie)
    assert client.get(path(world)).status_code == 404


def test_the_exports_of_a_repository_have_their_sizes(world: World, data: Path) -> None:
    candidate = world.finished.candidates.get(number=world.finished.chosen_number)
    repository = services.repository_request(candidate=candidate, by=world.alice)
    repository.status, repository.archive, repository.sha256 = RepositoryStatus.READY, "network.zip", "0" * 64
    repository.save()
    assert exported(candidate, world.bob) == {}, "its archive is gone"
    with ZipFile(repository.archive_path, "w") as archive:
        for name, size in (("model.int8.onnx", 3), ("model.pt2", 5), ("litert/model.tflite", 7), ("litert/run.py", 9)):
            archive.writestr(f"network/exports/{name}", "x" * size)
    assert exported(candidate, world.bob) == {"int8 onnx": 3, "pt2": 5, "litert": 7}
    assert exported(candidate, world.charlie) == {}


def test_a_device_stands_beside_the_targets_with_how_it_came_about(world: World, client: Client) -> None:
    device, code = devices.device_create(owner=world.alice, name="Pi in the corner", kind="raspberry_pi_4")
    devices.device_pair(code=code, specification={})
    devices.calibration_start(device=device, networks=12)
    while handed := devices.job_take(device=device, state={}):
        times = dict.fromkeys(("corrected_ms", "p50_ms", "p95_ms", "min_ms"), float(handed.job.pk))
        devices.job_finish(device=device, pk=handed.job.pk, token=handed.token, result={"latency": times})
    devices.device_calibrate(device=device)
    client.force_login(world.alice)
    page = client.get(path(world)).content.decode()
    assert "Pi in the corner" in page
    assert "calibrated on 12 networks, median error" in page
    client.force_login(world.bob)  # another member of the project, whose device it is not
    assert "Pi in the corner" not in client.get(path(world)).content.decode()
