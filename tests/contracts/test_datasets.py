"""Every registered data set that is here: disjoint, stratified, stable splits; its facts; no network."""

import socket

import numpy as np
import pytest

from searches.evaluation import datasets
from searches.evaluation.datasets.reading.splits import SPLITS
from searches.evaluation.datasets.registry import facts_of


@pytest.fixture(scope="module")
def opened() -> dict[str, datasets.DataSet]:
    return {}


@pytest.fixture
def dataset(name: str, opened: dict[str, datasets.DataSet], monkeypatch: pytest.MonkeyPatch) -> datasets.DataSet:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError(f"{name} asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    if name not in opened:
        opened[name] = load(name)
    return opened[name]


def load(name: str) -> datasets.DataSet:
    return datasets.open(name)


@pytest.mark.parametrize("name", datasets.available())
def test_its_splits_are_disjoint_and_hold_every_image(name: str, dataset: datasets.DataSet) -> None:
    rows = np.concatenate([dataset.splits[split] for split in SPLITS])
    assert len(rows) == len(dataset.images)
    assert len(np.unique(rows)) == len(rows)


@pytest.mark.parametrize("name", datasets.available())
def test_its_facts_are_those_of_the_loaded_set(name: str, dataset: datasets.DataSet) -> None:
    assert datasets.facts(name) == facts_of(dataset)


@pytest.mark.parametrize("name", datasets.available())
def test_validation_has_each_class_in_its_share(name: str, dataset: datasets.DataSet) -> None:
    share = len(dataset.splits["validation"]) / len(dataset.splits["train"])
    for train, validation in zip(dataset.class_counts("train"), dataset.class_counts("validation"), strict=True):
        assert validation == pytest.approx(train * share, abs=2 + 0.02 * train)


@pytest.mark.parametrize("name", datasets.available())
def test_it_repeats_itself(name: str, dataset: datasets.DataSet) -> None:
    again = load(name)
    assert (again.sha256, again.split_sha256) == (dataset.sha256, dataset.split_sha256)


@pytest.mark.parametrize("name", datasets.available())
def test_its_training_split_is_normalised_to_mean_0_and_deviation_1(name: str, dataset: datasets.DataSet) -> None:
    norm = dataset.normalisation
    pixels = dataset.split("train")[0].astype(np.float64) / norm.scale
    scaled = (pixels - np.array(norm.mean)[:, None, None]) / np.array(norm.std)[:, None, None]
    assert scaled.mean(axis=(0, 2, 3)) == pytest.approx(0, abs=1e-6)
    assert scaled.std(axis=(0, 2, 3)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", datasets.available())
def test_it_has_a_title_and_a_card(name: str, dataset: datasets.DataSet) -> None:
    assert datasets.describe(name)
    assert dataset.card()["classes"] == dataset.classes


@pytest.mark.parametrize("name", datasets.names())
def test_it_is_here_or_says_how_to_get_it(name: str) -> None:
    assert (name in datasets.available()) == (not datasets.absence(name))
    assert not datasets.absence(name) or "--fetch" in datasets.absence(name)


def test_the_splits_of_digits_never_move() -> None:
    digits = datasets.open("digits")
    assert digits.sha256.startswith("5e64a9f94edd5c9c")
    assert digits.split_sha256.startswith("c9fb4766ae1445f1")
