"""NASPORTAL_STORAGE: two machines with a data folder each find one another's data sets, weights and archives."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client, TestCase

from codegen import job, services
from codegen.models import Repository
from nasportal.lib import file_storage
from nasportal.lib.file_storage import StoredFileDamaged
from nasportal.management.commands import doctor
from nasportal.storage_setting import storage_of
from searches.engine import events as engine
from searches.evaluation import datasets
from searches.models import SearchRun
from searches.selectors.history import history_of
from searches.services import datasets as dataset_services
from searches.supervision import retention, run_files
from searches.supervision.supervisor import RunSupervisor
from tests.nasportal.lib.fake_s3 import serving
from tests.searches.views.test_datasets import npz
from tests.support.world import World, claim, reports_of, spec

needs_s3 = pytest.mark.skipif(
    find_spec("storages") is None or find_spec("boto3") is None, reason="the extra [s3] is not installed"
)


@dataclass
class Machines:
    """One database, one storage; the data folder is that of the machine that acts."""

    settings: Any
    monkeypatch: pytest.MonkeyPatch
    root: Path

    def act(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        self.settings.DATA_DIR = folder
        self.monkeypatch.setenv("NASPORTAL_DATA", str(folder))
        return folder


@pytest.fixture(params=["folder", pytest.param("s3", marks=needs_s3)])
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machines]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "nowhere-1")
    with serving() as server:
        place = str(tmp_path / "mount")
        if request.param == "s3":
            place = f"s3://nas/portal?endpoint={server.address}"
        settings.SHARED_STORAGE = place
        settings.STORAGES = {**settings.STORAGES, "shared": storage_of(place)}
        yield Machines(settings, monkeypatch, tmp_path)


def all_kept(place: str = "") -> list[str]:
    folders, files = file_storage.entries(storages["shared"], place)
    below = [name for folder in folders for name in all_kept(f"{place}/{folder}".lstrip("/"))]
    return sorted([*below, *(f"{place}/{name}".lstrip("/") for name in files)])


def test_what_one_machine_keeps_the_other_one_fetches_whole(machines: Machines) -> None:
    path = machines.act("one") / "runs/7/weights/3-2.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights" * 100)
    sha256 = file_storage.sha256_of(path)
    file_storage.keep(path, sha256=sha256)
    other = machines.act("two") / "runs/7/weights/3-2.safetensors"
    assert file_storage.fetch(other, sha256=sha256).read_bytes() == b"weights" * 100
    other.write_bytes(b"of a machine that lost its lease")
    assert file_storage.sha256_of(file_storage.fetch(other, sha256=sha256)) == sha256
    assert [each.name for each in other.parent.iterdir()] == ["3-2.safetensors"]
    file_storage.remove(machines.root / "two/runs/7")
    assert all_kept() == []


def test_damaged_bytes_are_refused_and_leave_nothing(machines: Machines) -> None:
    path = machines.act("one") / "repositories/1/1/network.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"an archive")
    sha256 = file_storage.sha256_of(path)
    path.write_bytes(b"other bytes")
    file_storage.keep(path, sha256=sha256)
    path.unlink()
    with pytest.raises(StoredFileDamaged, match=r"network\.zip came out of the storage with sha256"):
        file_storage.fetch(path, sha256=sha256)
    assert list(path.parent.iterdir()) == []


def test_an_upload_is_read_by_one_worker_and_searched_on_by_another(machines: Machines, world: World) -> None:
    machines.act("web")
    with transaction.atomic():
        upload = dataset_services.dataset_upload(
            project=world.project, by=world.bob, file=SimpleUploadedFile("shapes.npz", npz()), name=""
        )
    machines.act("worker")
    assert dataset_services.dataset_read(pk=upload.pk) == "ready"
    machines.act("third")
    run = SearchRun(project=world.project, spec=spec(dataset="digits").to_document() | {"dataset": upload.reference})
    assert datasets.facts(upload.reference).classes == 3  # the form asks for no more than the card
    run_files.inputs_fetch(run, [])
    upload.refresh_from_db()
    assert datasets.open(upload.reference).card() == upload.card
    machines.act("web")
    picture = client(world).get(f"/projects/{world.project.slug}/datasets/{upload.key}/samples/")
    assert (picture.status_code, b"".join(picture.streaming_content)[1:4]) == (200, b"PNG")
    with TestCase.captureOnCommitCallbacks(execute=True):
        dataset_services.dataset_delete(upload=upload)
    assert all_kept() == []


def test_a_run_goes_on_and_is_delivered_on_another_machine(
    machines: Machines, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.act("one")
    run, won = world.run, claim(world.run)
    reports = [each for each in reports_of(run) if not isinstance(each, engine.Progress)]
    supervisor = RunSupervisor(won)
    supervisor._commit(reports[: len(reports) // 2])
    machines.act("two")
    history = history_of(run)
    named = {file["path"]: file["sha256"] for entry in history for file in entry["files"].values()}
    run_files.inputs_fetch(run, history)
    assert named
    assert named == {path: file_storage.sha256_of(run.folder / path) for path in named}

    row = run.evaluations.with_weights().first()
    assert row is not None
    machines.act("three")
    request = {"weights": str(run.folder / row.weights_path), "weights_sha256": row.weights_sha256}
    job.inputs_fetch({"variants": {"small": request}})
    assert file_storage.sha256_of(run.folder / row.weights_path) == row.weights_sha256
    retention.run_thin(run)
    assert len(all_kept(f"runs/{run.pk}")) == 0
    assert not run.evaluations.with_weights().exists()


def test_an_archive_is_downloaded_from_a_machine_that_did_not_make_it(machines: Machines, world: World) -> None:
    folder = machines.act("worker")
    with transaction.atomic():
        repository = services.repository_request(owner=world.alice, name="network", request={"seed": 1})
    claimed = services.repository_claim(repository_id=repository.pk, seconds=60)
    assert claimed is not None
    claimed.out.mkdir(parents=True)
    archive = claimed.out / "network.zip"
    archive.write_bytes(b"a zip")
    verdict = {"archive": archive.name, "sha256": file_storage.sha256_of(archive), "size_bytes": 5}
    assert job.deliver(claimed, verdict, "") == "ready"
    machines.act("web")
    answer = client(world).get(f"/repositories/{repository.pk}/download/")
    assert b"".join(answer.streaming_content) == b"a zip"
    shutil.rmtree(folder)
    with transaction.atomic(), TestCase.captureOnCommitCallbacks(execute=True):
        services.repository_delete(repository=Repository.objects.get(pk=repository.pk))
    assert all_kept() == []


def test_the_doctor_asks_the_storage(machines: Machines) -> None:
    machines.act("one")
    assert doctor.shared_storage() == "keeps files and gives them back"
    assert all_kept() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://bucket", "must be s3://bucket/prefix"),
        ("s3://", "must be s3://bucket/prefix"),
        ("s3://key:secret@bucket", "holds no keys: AWS_ACCESS_KEY_ID"),
        ("s3://bucket?acl=public", "knows endpoint and region, but not 'acl'"),
    ],
)
def test_a_wrong_address_is_refused_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        storage_of(text)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasportal.storage_setting.find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"needs an extra: .*\[s3\]"):
        storage_of("s3://bucket/prefix")


def client(world: World) -> Client:
    found = Client()
    found.force_login(world.alice)
    return found
