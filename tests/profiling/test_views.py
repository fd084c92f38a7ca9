"""The page of hardware targets shows every target, its numbers, and where they come from."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from profiling import targets
from profiling.views import figures
from tests.support.world import World


def test_it_shows_every_target_with_its_sources(world: World) -> None:
    client = Client()
    client.force_login(world.charlie)
    text = client.get(reverse("profiling:targets")).content.decode()
    for name in targets.names():
        target = targets.get(name)
        assert escape(target.title) in text
        for source in target.sources:
            assert escape(source.says) in text


@pytest.mark.parametrize("name", targets.names())
def test_every_number_has_a_name_of_its_own(name: str) -> None:
    assert all("_" not in title for title, _, _ in figures(targets.create(name)))
