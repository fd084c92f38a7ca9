"""The whole OpenAPI schema against the API by schemathesis: no 5xx, and no answer that the schema does not describe."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nasportal.accounts import services as accounts
from searches import services
from tests.support.world import World, spec

EXAMPLES = 4  # of each route, once with made-up ids and once with those of real things: the test stays below a minute
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def real(world: World, path: str) -> dict[str, Any]:
    """Ids of things that are there."""
    number = world.finished.chosen_number
    candidate = world.finished.candidates.get(number=number)
    repository = services.repository_request(candidate=candidate, by=world.alice)
    template = services.template_save(project=world.project, name="kept", spec=spec(), by=world.alice)
    return {
        "id": str(repository.pk if "/repositories/" in path else world.finished.pk),
        "run_pk": str(world.finished.pk),
        "number": str(number),
        "slug": world.project.slug,
        "user": "bob",
        "template": str(template.pk),
    }


def operations(schema: Any) -> Iterator[Any]:
    for found in schema.get_all_operations():
        yield found.ok()


def strategy(operation: Any) -> Any:
    """What the schema allows, and what it forbids."""
    right, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    return right | wrong


@pytest.mark.slow
def test_the_api_does_what_its_schema_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # A real request would drop the connection that the transaction of this test lives in.
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
    client = Client()
    client.force_login(world.alice)
    document = client.get("/api/v1/schema/?format=json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    headers = {"Authorization": f"Bearer {accounts.token_create(user=world.alice, name='schemathesis')}"}
    faults: list[str] = []
    tried = 0
    for operation in operations(schema):
        ids = real(world, operation.path)

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy(operation))
        def try_out(case: Any) -> None:
            nonlocal tried
            known = {
                name: ids.get(name, value)  # noqa: B023  (called within this turn of the loop)
                for name, value in (case.path_parameters or {}).items()
            }
            for parameters in (case.path_parameters, known) if known else (None,):
                case.path_parameters = parameters
                tried += 1
                with transaction.atomic():
                    answer = case.call(headers=headers)
                    transaction.set_rollback(True)
                try:
                    case.validate_response(answer, checks=CHECKS)
                except (AssertionError, BaseExceptionGroup) as fault:
                    faults.append(f"{case.method} {case.path} {answer.status_code}: {fault}"[:1500])

        try_out()
    assert not faults, "\n\n".join(dict.fromkeys(faults))
    assert tried > 3 * len(document["paths"])
