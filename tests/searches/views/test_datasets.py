"""Data sets of a project: uploads with their limits, their pages, and searches on them."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from architectures.documents import SpecErrors
from searches import services
from searches.evaluation import datasets
from searches.forms import RunForm
from searches.models import UploadedDataSet, UploadStatus
from searches.services import datasets as dataset_services
from searches.supervision import reaper
from tests.searches.evaluation.datasets.test_images import animated, huge, png
from tests.searches.evaluation.worlds import images
from tests.support.entered import sent
from tests.support.world import World, spec

PICTURE = png(size=(64, 64), value=3)


@pytest.fixture(autouse=True)
def one_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_DATA", str(data))


def packed(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npz() -> bytes:
    x, y = images(60)
    return packed(x=x, y=y)


def pictures() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(24):
            picture = io.BytesIO()
            pixels = np.full((8, 8 + number), number * 10, dtype=np.uint8)
            Image.fromarray(pixels).save(picture, "PNG")
            archive.writestr(f"{('cats', 'dogs')[number % 2]}/{number}.png", picture.getvalue())
    return stream.getvalue()


def uploaded(world: World, content: bytes = b"", file_name: str = "shapes.npz", **options: str) -> UploadedDataSet:
    """Uploaded and read, as the background task reads it."""
    file = SimpleUploadedFile(file_name, content or npz())
    upload = dataset_services.dataset_upload(
        project=world.project, by=world.bob, file=file, name=options.pop("name", ""), **options
    )
    dataset_services.dataset_read(pk=upload.pk)
    upload.refresh_from_db()
    return upload


def client_of(world: World, person: str) -> Client:
    client = Client()
    client.force_login(world.people[person])
    return client


def test_an_uploaded_file_becomes_a_data_set(world: World, data: Path) -> None:
    upload = uploaded(world)
    assert (upload.status, upload.name, upload.card["input_shape"]) == (UploadStatus.READY, "shapes", [1, 8, 8])
    assert upload.stored_bytes == sum(file.stat().st_size for file in upload.folder.iterdir())
    found = datasets.open(upload.reference)
    assert (found.name, len(found.images), found.card()) == ("shapes", 60, upload.card)
    assert list((data / "datasets/incoming").iterdir()) == []


def test_pictures_become_one_size_as_the_user_said(world: World) -> None:
    upload = uploaded(world, pictures(), "pets.zip", rule="pad", side="16")
    assert upload.card["input_shape"] == [1, 16, 16]
    assert any("padded with black to a square and resized to 16×16" in note for note in upload.card["notes"])


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"hello", "a.npz", "is not a readable zip archive"),
        (packed(x=np.zeros((3, 8, 8), np.uint8)), "a.npz", "has x, but needs x and y"),
        (packed(x=np.zeros((3, 8, 8), np.uint8), y=np.array([0.5, 1, 2])), "a.npz", "y must hold integers"),
        (packed(x=np.array([{}] * 3), y=np.arange(3)), "a.npz", "array 'x' holds Python objects"),
        (npz(), "a.zip", "is no images|holds no images"),
    ],
)
def test_a_bad_file_is_refused_by_its_reason(content: bytes, name: str, reason: str, world: World, data: Path) -> None:
    upload = uploaded(world, content, name)
    assert upload.status == UploadStatus.REFUSED
    assert any(part in upload.reason for part in reason.split("|")), upload.reason
    assert upload.stored_bytes == 0
    assert list((data / "datasets/incoming").iterdir()) == []
    assert not (data / "datasets/uploads").exists() or list((data / "datasets/uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (huge(), "cats/bad.png has more than the 40,000,000 pixels that are decoded"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cats/bad.png is not an image of the formats PNG, JPEG, BMP, "),
        (animated(), "cats/bad.png is animated or has pages (2); keep one"),
        (PICTURE[:60], "cats/bad.png cannot be decoded (image file is truncated"),
    ],
    ids=["121 megapixels", "svg", "animated", "truncated"],
)
def test_a_zip_with_a_bad_picture_is_refused_by_its_name(
    content: bytes, sentence: str, world: World, data: Path
) -> None:
    """Sent as a browser sends it, read as the background task reads it, told on its page."""
    stream = io.BytesIO(pictures())
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("cats/bad.png", content)
    client = client_of(world, "editor")
    path = f"/projects/{world.project.slug}/datasets/"
    answer = client.post(path, {"file": SimpleUploadedFile("pets.zip", stream.getvalue())})
    assert answer.status_code == 302
    upload = UploadedDataSet.objects.get()
    dataset_services.dataset_read(pk=upload.pk)
    upload.refresh_from_db()
    assert upload.status == UploadStatus.REFUSED
    assert upload.reason.startswith(sentence)
    assert "Traceback" not in upload.reason
    page = client.get(answer.headers["Location"])
    assert page.status_code == 200
    assert sentence in page.content.decode()
    assert [each for each in data.rglob("*") if each.is_file() and "datasets" in each.parts] == []


@pytest.mark.parametrize(
    ("file_name", "options", "message"),
    [
        ("a.tar", {}, "A dataset must be an .npz file or a .zip of images, but this file ends in '.tar'."),
        ("a", {}, "ends in 'nothing'"),
        ("a.zip", {"rule": "squeeze"}, "Resize must be one of crop, pad, stretch, but is 'squeeze'."),
        ("a.zip", {"side": "9999"}, "Side must be from 4 to 512 pixels, but is 9999."),
        ("a.zip", {"side": "wide"}, "The side must be a number of pixels, but is 'wide'."),
    ],
)
def test_an_upload_that_cannot_be_is_refused_at_once(
    file_name: str, options: dict[str, str], message: str, world: World
) -> None:
    with pytest.raises(ValidationError) as refusal:
        uploaded(world, npz(), file_name, **options)
    assert message in " ".join(refusal.value.messages)
    assert not UploadedDataSet.objects.exists()


@pytest.mark.parametrize(
    "file_name",
    [
        "../../etc/a.npz", "/a.npz", "C:\\a.npz", "a\0.npz", "a\r\nSet-Cookie: b.npz", "-rf.npz", "\u202ezpn.npz",
        "🙂.npz", "a" * 9999 + ".npz", ".npz", "{{ 7 * 7 }}<b>.npz",
    ],
)  # fmt: skip
def test_a_file_name_is_text_or_is_refused(file_name: str, world: World, data: Path) -> None:
    """It names no path: files lie under a key of ours."""
    client = client_of(world, "editor")
    path = f"/projects/{world.project.slug}/datasets/"
    answer = client.post(path, {"file": SimpleUploadedFile(file_name, npz())})
    assert answer.status_code in (302, 422)
    kept = [upload.incoming for upload in UploadedDataSet.objects.all()]
    assert [each for each in data.rglob("*") if each.is_file() and "datasets" in each.parts] == kept
    assert (answer.status_code == 302) == (len(kept) == 1)
    page = client.get(path)
    assert page.status_code == 200
    assert "49<b>" not in page.content.decode()


def test_a_file_and_a_project_have_their_limits(world: World, settings: Any, data: Path) -> None:
    settings.UPLOAD_MAX_BYTES = 2**20
    with pytest.raises(ValidationError, match="A file must have at most 1 MiB, but this one has 2 MiB"):
        uploaded(world, bytes(2 * 2**20))
    uploaded(world)
    settings.UPLOAD_QUOTA_BYTES = 100
    with pytest.raises(ValidationError, match=r"at most 0 MiB are allowed\. Delete one"):
        uploaded(world, name="more")
    assert list((data / "datasets/incoming").iterdir()) == []


def test_two_of_one_name_are_refused(world: World) -> None:
    uploaded(world)
    with pytest.raises(ValidationError, match="already exists"):
        uploaded(world)


def test_read_twice_it_is_read_once(world: World) -> None:
    upload = uploaded(world)
    assert dataset_services.dataset_read(pk=upload.pk) == "nothing to do"


def test_the_form_uploads_and_the_page_shows(world: World) -> None:
    client = client_of(world, "editor")
    path = f"/projects/{world.project.slug}/datasets/"
    answer = client.post(path, {"file": SimpleUploadedFile("shapes.npz", npz()), "name": "My <b>shapes</b>"})
    upload = UploadedDataSet.objects.get()
    assert answer.headers["Location"] == f"{path}{upload.key}/"
    assert b"Processing" in client.get(f"{path}{upload.key}/").content
    assert client.get(f"{path}{upload.key}/samples/").status_code == 204
    dataset_services.dataset_read(pk=upload.pk)
    page = client.get(f"{path}{upload.key}/").content.decode()
    assert "My &lt;b&gt;shapes&lt;/b&gt;" in page
    assert upload.__class__.objects.get().card["sha256"] in page
    assert "read 0 times in this project" in page
    samples = client.get(f"{path}{upload.key}/samples/")
    picture = Image.open(io.BytesIO(samples.getvalue()))
    assert picture.size == (10 * 50 - 2, 3 * 50 - 2)
    assert "My &lt;b&gt;shapes" in client.get(path).content.decode()


def test_a_form_without_a_file_says_what_is_wanted(world: World) -> None:
    answer = client_of(world, "editor").post(f"/projects/{world.project.slug}/datasets/", {"name": "x"})
    assert answer.status_code == 422
    assert "Select a file: an .npz with x and y" in answer.content.decode()


def test_a_built_in_set_has_its_page_too(world: World) -> None:
    client = client_of(world, "viewer")
    path = f"/projects/{world.project.slug}/datasets/digits/"
    assert b"Processing" in client.get(path).content
    assert dataset_services.portrait_make(name="digits") == "done"
    page = client.get(path).content.decode()
    assert datasets.open("digits").sha256 in page
    readings = world.finished.evaluations.filter(test_accuracy__isnull=False).count()
    assert readings > 0
    assert world.finished.header is not None
    assert dataset_services.test_readings(world.project, world.finished.header["data"]["sha256"]) == readings
    assert client.get(f"/projects/{world.project.slug}/datasets/nothing/").status_code == 404


def test_a_run_may_be_started_on_it_in_its_project_alone(world: World) -> None:
    upload = uploaded(world)
    chosen = spec(dataset=upload.reference)
    run = services.run_create(project=world.project, spec=chosen, name="on shapes", by=world.bob)
    assert run.spec["dataset"] == upload.reference
    other = services.project_create(owner=world.charlie, name="Other")
    with pytest.raises(SpecErrors, match="is no dataset of this project"):
        services.run_create(project=other, spec=chosen, name="stolen", by=world.charlie)
    stranger = client_of(world, "stranger")
    body = {"project": other.slug, "name": "stolen", "spec": chosen.to_document()}
    answer = stranger.post("/api/v1/runs/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert "is no dataset of this project" in answer.content.decode()
    assert other.runs.count() == 0


def test_the_form_says_what_the_service_refuses(world: World) -> None:
    chosen = sent(spec(dataset=uploaded(world).reference), "on shapes")
    other = services.project_create(owner=world.charlie, name="Other")
    message = "is no dataset of this project; select one of its own or a built-in one"
    assert RunForm(chosen, project=other, by=world.charlie).errors == {"dataset": [message]}
    assert RunForm(chosen, project=world.project, by=world.bob).errors == {}


def test_the_new_run_form_offers_it(world: World) -> None:
    upload = uploaded(world)
    client = client_of(world, "editor")
    path = f"/projects/{world.project.slug}/new/"
    page = client.get(path, {"dataset": upload.reference}).content.decode()
    assert f'value="{upload.reference}"' in page
    assert "60 images 1×8×8, 3 classes" in page
    assert client.get(path, {"dataset": "upload:" + "0" * 32}).status_code == 404
    other = services.project_create(owner=world.charlie, name="Other")
    assert upload.reference not in client_of(world, "stranger").get(f"/projects/{other.slug}/new/").content.decode()


def test_it_is_deleted_with_its_files_but_not_while_a_run_needs_it(world: World) -> None:
    upload = uploaded(world)
    run = services.run_create(
        project=world.project, spec=spec(dataset=upload.reference), name="on shapes", by=world.bob
    )
    path = f"/projects/{world.project.slug}/datasets/{upload.key}/delete/"
    client = client_of(world, "editor")
    assert client.post(path).headers["Location"].endswith(f"/{upload.key}/")
    assert UploadedDataSet.objects.exists()
    services.run_cancel(run=run, by=world.bob)
    dataset_services.dataset_delete(upload=upload)
    assert not UploadedDataSet.objects.exists()


def test_a_project_takes_its_data_sets_with_it(world: World, django_capture_on_commit_callbacks: Any) -> None:
    upload = uploaded(world)
    services.run_cancel(run=world.run, by=world.alice)
    with django_capture_on_commit_callbacks(execute=True):
        services.project_delete(project=world.project)
    assert not upload.folder.exists()
    assert not upload.portrait.exists()


def test_what_no_row_names_is_swept_away(world: World, data: Path) -> None:
    upload = uploaded(world)
    stray = data / "datasets/incoming" / f"{'0' * 32}.npz"
    folder = data / "datasets/uploads" / ("1" * 32)
    stray.write_bytes(b"x")
    folder.mkdir()
    for path in (stray, folder, upload.folder):
        os.utime(path, (0, 0))
    reaper.sweep()
    assert not stray.exists()
    assert not folder.exists()
    assert upload.folder.exists()
