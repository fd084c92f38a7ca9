"""The pages: who may see and do what, and what they say. What needs a browser is in tests/browser."""

import json
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from searches import services
from searches.models import Candidate, Evaluation, Project, SearchRun
from searches.models.status import Status
from searches.spec import SearchSpec
from tests.support.entered import entered
from tests.support.world import PASSWORD, World, work

pytestmark = pytest.mark.django_db(transaction=False)
EDITORS = [("owner", True), ("editor", True), ("viewer", False), ("stranger", False)]
QUERIES = 30  # of one page, whatever the size of the run


def signed_in(world: World, person: str) -> Client:
    client = Client()
    client.force_login(world.people[person])
    return client


def run_pages(run: SearchRun) -> list[str]:
    """Every page of a run that shows something."""
    number = run.candidates.values_list("number", flat=True).first()
    names = ["run", "run-snapshot", "run-choose", "run-history", "run-csv", "candidates", "compare"]
    pages = [reverse(f"searches:{name}", args=[run.pk]) for name in names]
    return pages + [reverse(f"searches:{name}", args=[run.pk, number]) for name in ("candidate", "candidate-panel")]


@pytest.mark.parametrize("person", ["owner", "editor", "viewer"])
def test_who_belongs_to_the_project_sees_every_page_of_a_run(world: World, person: str) -> None:
    client = signed_in(world, person)
    for page in run_pages(world.finished):
        assert client.get(page).status_code == HTTPStatus.OK, page


def test_a_stranger_is_told_that_there_is_no_such_page(world: World) -> None:
    client = signed_in(world, "stranger")
    for page in [*run_pages(world.finished), reverse("searches:project", args=[world.project.slug])]:
        assert client.get(page).status_code == HTTPStatus.NOT_FOUND, page


def test_who_is_not_signed_in_is_asked_to(world: World) -> None:
    for page in [*run_pages(world.finished), "/", reverse("searches:projects"), reverse("codegen:repositories")]:
        response = Client().get(page)
        assert response.status_code == HTTPStatus.FOUND, page
        assert response["Location"].startswith(reverse("accounts:login")), page


@pytest.mark.parametrize(
    ("person", "allowed"), [("owner", True), ("editor", True), ("viewer", False), ("stranger", False)]
)
def test_owner_and_editor_may_pause_a_run(world: World, person: str, allowed: bool) -> None:
    response = signed_in(world, person).post(reverse("searches:run-act", args=[world.run.pk, "pause"]))
    world.run.refresh_from_db()
    assert response.status_code == (HTTPStatus.FOUND if allowed else HTTPStatus.NOT_FOUND)
    assert world.run.status == (Status.PAUSED if allowed else Status.QUEUED)


@pytest.mark.parametrize(
    ("person", "allowed"), [("owner", True), ("editor", True), ("viewer", False), ("stranger", False)]
)
def test_owner_and_editor_may_start_runs(world: World, person: str, allowed: bool) -> None:
    client = signed_in(world, person)
    page = reverse("searches:run-new", args=[world.project.slug])
    before = SearchRun.objects.count()
    assert client.get(page).status_code == (HTTPStatus.OK if allowed else HTTPStatus.NOT_FOUND)
    assert client.post(page, entered(SearchSpec(), "mine")).status_code == (
        HTTPStatus.FOUND if allowed else HTTPStatus.NOT_FOUND
    )
    assert SearchRun.objects.count() == before + allowed


def test_a_viewer_is_offered_nothing_that_is_refused(world: World) -> None:
    page = signed_in(world, "viewer").get(reverse("searches:run", args=[world.run.pk])).content.decode()
    for verb in ("pause", "resume", "cancel", "clone", "delete"):
        assert reverse("searches:run-act", args=[world.run.pk, verb]) not in page
    project = signed_in(world, "viewer").get(reverse("searches:project", args=[world.project.slug])).content.decode()
    assert reverse("searches:run-new", args=[world.project.slug]) not in project


def test_a_wish_that_comes_too_late_is_answered_in_a_sentence(world: World) -> None:
    page = reverse("searches:run-act", args=[world.finished.pk, "pause"])
    response = signed_in(world, "owner").post(page, follow=True)
    assert "The run is finished and cannot be paused" in response.content.decode()


def test_only_known_verbs_are_done_and_only_by_post(world: World) -> None:
    client = signed_in(world, "owner")
    assert client.post(reverse("searches:run-act", args=[world.run.pk, "explode"])).status_code == HTTPStatus.NOT_FOUND
    pause = client.get(reverse("searches:run-act", args=[world.run.pk, "pause"]))
    assert pause.status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_a_clone_is_a_new_run_with_the_same_spec(world: World) -> None:
    response = signed_in(world, "editor").post(reverse("searches:run-act", args=[world.finished.pk, "clone"]))
    clone = SearchRun.objects.latest("pk")
    assert response["Location"] == reverse("searches:run", args=[clone.pk])
    assert clone.spec == world.finished.spec


def test_a_deleted_run_leads_back_to_its_project(world: World) -> None:
    response = signed_in(world, "owner").post(reverse("searches:run-act", args=[world.finished.pk, "delete"]))
    assert response["Location"] == reverse("searches:project", args=[world.project.slug])
    assert not SearchRun.objects.filter(pk=world.finished.pk).exists()


def test_only_the_owner_deletes_a_project_and_not_while_it_is_at_work(world: World) -> None:
    page = reverse("searches:project-delete", args=[world.project.slug])
    assert signed_in(world, "editor").post(page).status_code == HTTPStatus.NOT_FOUND
    assert "have not ended" in signed_in(world, "owner").post(page, follow=True).content.decode()
    services.run_cancel(run=world.run, by=world.alice)
    signed_in(world, "owner").post(page)
    assert not Project.objects.filter(pk=world.project.pk).exists()


def test_a_form_with_a_fault_comes_back_whole(world: World) -> None:
    page = reverse("searches:run-new", args=[world.project.slug])
    response = signed_in(world, "owner").post(page, entered(SearchSpec(), "mine", evaluations=["many"], seed=["4711"]))
    text = response.content.decode()
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "must be a whole number, but is &#x27;many&#x27;" in text
    assert 'value="many"' in text
    assert 'value="4711"' in text


def test_the_check_names_faults_by_field_and_foretells(world: World) -> None:
    client, page = signed_in(world, "owner"), reverse("searches:run-check", args=[world.project.slug])
    good = client.post(page, entered(SearchSpec(), "mine")).json()
    assert good["errors"] == {}
    assert "Networks in the space" in good["estimate"]
    assert json.loads(good["spec"])["algorithm"] == "nsga2"
    wrong = client.post(page, entered(SearchSpec(), "mine", evaluations=["0"])).json()
    assert "must be at least 1" in wrong["errors"]["evaluations"][0]
    assert "Fix 1 field" in wrong["estimate"]


def test_a_new_run_may_begin_with_the_spec_of_another_one(world: World) -> None:
    page = reverse("searches:run-new", args=[world.project.slug])
    text = signed_in(world, "editor").get(page, {"clone": world.finished.pk}).content.decode()
    assert "finished (changed)" in text
    assert signed_in(world, "editor").get(page, {"clone": "0"}).status_code == HTTPStatus.NOT_FOUND
    assert signed_in(world, "editor").get(page, {"preset": "nonsense"}).status_code == HTTPStatus.NOT_FOUND


def test_a_pasted_spec_fills_the_form(world: World) -> None:
    client, page = signed_in(world, "owner"), reverse("searches:run-new", args=[world.project.slug])
    pasted = json.dumps({"evaluations": 77, "algorithm": "random_search"})
    filled = client.post(page, entered(SearchSpec(), "mine", pasted=[pasted], fill=["1"])).content.decode()
    assert 'value="77"' in filled
    assert SearchRun.objects.filter(name="mine").count() == 0
    wrong = client.post(page, entered(SearchSpec(), "mine", pasted=['{"evaluations": -1}'], fill=["1"], seed=["4711"]))
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "must be at least 1" in wrong.content.decode()
    assert 'value="4711"' in wrong.content.decode()
    for text in ("", "{", "[" * 100_000, "[]", "7", "9" * 5000):
        response = client.post(page, entered(SearchSpec(), "mine", pasted=[text], fill=["1"]))
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, text[:20]
    large = client.post(page, entered(SearchSpec(), "mine", pasted=["9" * 50_000_000], fill=["1"]))
    assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "must have at most 2,500,000 bytes" in large.content.decode()


def test_one_button_starts_the_example_search(world: World) -> None:
    client = signed_in(world, "stranger")
    assert "Start the example search" in client.get("/").content.decode()
    response = client.post(reverse("searches:example"))
    run = SearchRun.objects.latest("pk")
    assert response["Location"] == reverse("searches:run", args=[run.pk])
    assert run.project.owner == world.charlie
    assert run.evaluations_total >= 24
    assert client.get("/").status_code == HTTPStatus.OK


def test_it_chooses_by_weights_as_the_command_line_does(world: World) -> None:
    client, page = signed_in(world, "viewer"), reverse("searches:run-choose", args=[world.finished.pk])
    best = client.get(page, {"accuracy": "1", "params": "0"}).json()
    values = dict(world.finished.evaluations.filter(is_on_front=True).values_list("number", "values"))
    assert values[best["number"]]["accuracy"] == max(each["accuracy"] for each in values.values())
    assert "best validation accuracy on the front" in best["reasons"]
    smallest = client.get(page, {"accuracy": "0", "params": "1"}).json()
    assert values[smallest["number"]]["params"] == min(each["params"] for each in values.values())


def test_weights_that_cannot_be_are_refused_in_a_sentence(world: World) -> None:
    client, page = signed_in(world, "viewer"), reverse("searches:run-choose", args=[world.finished.pk])
    for query in ({"accuracy": "-1"}, {"accuracy": "0", "params": "0"}, {"accuracy": "much"}, {"accuracy": "nan"}):
        response = client.get(page, query)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, query
        assert "weight" in response.json()["error"]
    empty = client.get(reverse("searches:run-choose", args=[world.run.pk]))
    assert "the front is empty" in empty.json()["error"]


def test_the_table_sorts_pages_and_filters_on_the_server(world: World) -> None:
    client, page = signed_in(world, "viewer"), reverse("searches:candidates", args=[world.finished.pk])
    for name in ("number", "accuracy", "params", "flops", "memory", "generation", "seconds", "test", "convergence"):
        for sort in (name, f"-{name}"):
            assert client.get(page, {"sort": sort}).status_code == HTTPStatus.OK, sort
    best = world.finished.evaluations.order_by("-accuracy", "number").first()
    rows = client.get(page, {"sort": "-accuracy"}).context["rows"]
    assert rows[0][0] == best
    front = client.get(page, {"show": "front"}).context["rows"]
    assert {row.number for row, *_ in front} == set(world.finished.selection["front"])
    for query in ({"sort": "x; DROP TABLE"}, {"page": "999999999999"}, {"page": "-1"}, {"show": "?"}):
        assert client.get(page, query).status_code == HTTPStatus.OK, query


def test_htmx_gets_the_table_alone(world: World) -> None:
    page = reverse("searches:candidates", args=[world.finished.pk])
    part = signed_in(world, "viewer").get(page, headers={"HX-Request": "true"}).content.decode()
    assert "<table" in part
    assert "<html" not in part


def test_a_failed_candidate_shows_its_reason_everywhere(world: World) -> None:
    run = services.run_create(
        project=world.project, spec=SearchSpec.from_document(world.run.spec), name="hurt", by=world.alice
    )
    services.run_cancel(run=world.run, by=world.alice)
    work(run, fails=frozenset({2}))
    failed = run.evaluations.get(status="failed")
    assert failed.reason
    client = signed_in(world, "viewer")
    table = client.get(reverse("searches:candidates", args=[run.pk]), {"show": "failed"}).content.decode()
    page = client.get(reverse("searches:candidate", args=[run.pk, failed.number])).content.decode()
    panel = client.get(reverse("searches:candidate-panel", args=[run.pk, failed.number])).content.decode()
    for text in (table, page, panel):
        assert failed.reason in text
        assert "Generate repository" not in text


def test_a_comparison_shows_the_best_of_each_row_and_the_trade(world: World) -> None:
    page = reverse("searches:compare", args=[world.finished.pk])
    numbers = world.finished.selection["front"][:3]
    text = signed_in(world, "viewer").get(page, {"n": numbers}).content.decode()
    assert "(best)" in text
    if len(numbers) > 1:
        assert "% accuracy costs" in text or "the same accuracy" in text
    assert "Nothing to compare yet" in signed_in(world, "viewer").get(page, {"n": ["0", "x"]}).content.decode()


def test_no_more_than_six_are_compared(world: World) -> None:
    page = reverse("searches:compare", args=[world.finished.pk])
    context = signed_in(world, "viewer").get(page, {"n": [str(number) for number in range(9)]}).context
    assert len(context["comparison"].architectures) == 6
    assert context["left_out"] == 3


def test_a_repository_is_asked_for_and_found_again(world: World) -> None:
    number = world.finished.chosen_number
    page = reverse("searches:candidate-repository", args=[world.finished.pk, number])
    response = signed_in(world, "viewer").post(page)
    assert response["Location"].startswith("/repositories/")
    assert signed_in(world, "viewer").get(response["Location"]).status_code == HTTPStatus.OK
    assert signed_in(world, "stranger").get(response["Location"]).status_code == HTTPStatus.NOT_FOUND
    assert signed_in(world, "stranger").post(page).status_code == HTTPStatus.NOT_FOUND


def test_the_download_of_the_history_is_what_the_hash_is_over(world: World) -> None:
    response = signed_in(world, "viewer").get(reverse("searches:run-history", args=[world.finished.pk]))
    lines = response.content.decode().splitlines()
    assert json.loads(lines[0]) == world.finished.header
    without_times = [{k: v for k, v in json.loads(line).items() if k != "timing"} for line in lines[1:]]
    assert without_times == [json.loads(line) for line in world.finished.evaluations.lines()]


def test_search_finds_only_what_one_may_see(world: World) -> None:
    mine = signed_in(world, "viewer").get(reverse("searches:find"), {"q": "digits"}).content.decode()
    other = signed_in(world, "stranger").get(reverse("searches:find"), {"q": "digits"}).content.decode()
    assert "Digits on a phone" in mine
    assert "Nothing found" in other
    assert "#3 of finished" in signed_in(world, "viewer").get(reverse("searches:find"), {"q": "#3"}).content.decode()


def test_what_people_call_things_is_text_and_never_markup(world: World) -> None:
    name = "<script>alert(1)</script>\"'{{ 7*7 }}"
    project = services.project_create(owner=world.alice, name=name)
    run = services.run_create(project=project, spec=SearchSpec.from_document(world.run.spec), name=name, by=world.alice)
    client = signed_in(world, "owner")
    for page in ("/", reverse("searches:projects"), reverse("searches:run", args=[run.pk])):
        text = client.get(page).content.decode()
        assert "<script>alert" not in text
        assert "49" not in text.partition("&lt;script&gt;alert")[2][:60]


def test_no_page_has_a_script_of_its_own(world: World) -> None:
    client = signed_in(world, "owner")
    pages = [*run_pages(world.finished)[:1], "/", reverse("searches:run-new", args=[world.project.slug])]
    for page in pages:
        text = client.get(page).content.decode()
        for opening in text.split("<script")[1:]:
            tag = opening.partition(">")[0]
            assert "src=" in tag or "application/json" in tag, tag
        assert " onclick=" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


def test_pages_cost_few_queries(world: World, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    client = signed_in(world, "owner")
    pages = [*run_pages(world.finished), "/", reverse("searches:projects")]
    for page in [*pages, reverse("searches:project", args=[world.project.slug])]:
        with django_assert_max_num_queries(QUERIES):
            client.get(page)


@pytest.mark.slow
def test_a_run_of_ten_thousand_candidates_costs_no_more_queries(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    enlarge(world.finished, 10_000)
    client = signed_in(world, "owner")
    for page in run_pages(world.finished):
        with django_assert_max_num_queries(QUERIES):
            assert client.get(page).status_code == HTTPStatus.OK
    state = client.get(reverse("searches:run-snapshot", args=[world.finished.pk])).json()
    assert state["candidates_total"] > 10_000
    assert len(state["candidates"]) < 4_000


def enlarge(run: SearchRun, count: int) -> None:
    """Adds copies of the run's candidates under new numbers."""
    model = run.evaluations.filter(status="done").select_related("candidate").first()
    assert model is not None
    assert model.candidate is not None
    first = 1000
    Candidate.objects.bulk_create(
        Candidate(
            run=run, number=number, fingerprint=f"{number:032x}", genotype=model.candidate.genotype, change="a copy",
            graph=model.candidate.graph, params=number, macs=2 * number, memory_bytes=number, generation=number // 10,
        )
        for number in range(first, first + count)
    )  # fmt: skip
    Evaluation.objects.bulk_create(
        Evaluation(
            run=run, candidate=candidate, number=candidate.number, fidelity=model.fidelity, status="done",
            line=json.dumps({"number": candidate.number, "fidelity": model.fidelity}),
            fingerprint=candidate.fingerprint, values=model.values | {"accuracy": 0.5}, accuracy=0.5, curve=model.curve,
        )
        for candidate in run.candidates.filter(number__gte=first)
    )  # fmt: skip
    SearchRun.objects.filter(pk=run.pk).update(evaluations_done=count)


def test_the_login_page_says_what_was_wrong() -> None:
    text = Client().post(reverse("accounts:login"), {"username": "alice", "password": "wrong"}).content.decode()
    assert "correct username and password" in text


def test_signing_in_leads_to_the_page_that_was_asked_for(world: World) -> None:
    client, page = Client(), reverse("searches:run", args=[world.run.pk])
    response = client.post(
        f"{reverse('accounts:login')}?next={page}", {"username": "alice", "password": PASSWORD, "next": page}
    )
    assert response["Location"] == page


def test_a_page_that_is_not_there_says_so_in_our_words(world: World) -> None:
    response = signed_in(world, "owner").get("/no/such/page/")
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert "Page not found" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_our_words() -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("accounts:login"), {"username": "alice"})
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "This form was open for too long" in response.content.decode()
