"""Projects, runs and what users may wish of them, in every state."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from searches import services
from searches.engine import events as engine
from searches.models import CandidateRepository, Project, SearchRun
from searches.models.status import DELETABLE, TRANSITIONS, WISHES, Status, may, sources
from searches.supervision import leases, reaper
from searches.supervision.leases import Claim
from searches.supervision.recorder import HistoryDiffers, LeaseLost, events_record
from searches.supervision.row_cache import RowCache
from tests.support import invariants
from tests.support.world import World, claim, reports_of, spec, work


def test_a_new_run_is_queued_and_tells_who_asked(world: World) -> None:
    assert world.run.status == Status.QUEUED
    assert world.run.evaluations_total == 12
    told = world.run.events.get()
    assert (told.seq, told.kind, told.payload["status"], told.payload["by"]) == (1, "StatusChanged", "queued", "alice")


def test_two_projects_of_one_name_have_two_addresses(world: World) -> None:
    again = services.project_create(owner=world.bob, name="Digits on a phone")
    assert (world.project.slug, again.slug) == ("digits-on-a-phone", "digits-on-a-phone-2")


def test_a_project_whose_name_has_no_letters_still_has_an_address(world: World) -> None:
    assert services.project_create(owner=world.alice, name="数字 🙂").slug == "project"


def test_it_refuses_a_project_without_a_name(world: World) -> None:
    with pytest.raises(ValidationError, match="cannot be blank"):
        services.project_create(owner=world.alice, name="   ")


def test_a_live_project_is_not_deleted(world: World) -> None:
    with pytest.raises(ValidationError, match=r"1 of the project's runs have not ended\. Cancel or pause them first"):
        services.project_delete(project=world.project)
    services.run_cancel(run=world.run, by=world.alice)
    services.project_delete(project=world.project)
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("person", "sees", "changes"),
    [("owner", True, True), ("editor", True, True), ("viewer", True, False), ("stranger", False, False)],
)
def test_a_role_says_what_is_seen_and_what_is_changed(world: World, person: str, sees: bool, changes: bool) -> None:
    somebody = world.people[person]
    assert SearchRun.objects.visible_to(somebody).filter(pk=world.run.pk).exists() is sees
    assert SearchRun.objects.editable_by(somebody).filter(pk=world.run.pk).exists() is changes
    assert Project.objects.visible_to(somebody).filter(pk=world.project.pk).exists() is sees
    assert Project.objects.editable_by(somebody).filter(pk=world.project.pk).exists() is changes


def test_a_removed_member_sees_nothing_any_more(world: World) -> None:
    services.member_remove(project=world.project, user=world.bob)
    assert not SearchRun.objects.visible_to(world.bob).exists()
    assert world.project.role_of(world.bob) is None


def test_a_member_has_one_role_which_can_be_changed(world: World) -> None:
    services.member_add(project=world.project, user=world.vera, role="editor")
    assert world.project.role_of(world.vera) == "editor"
    assert world.project.memberships.count() == 2


def test_the_owner_takes_no_second_role(world: World) -> None:
    with pytest.raises(ValidationError, match="cannot have another role"):
        services.member_add(project=world.project, user=world.alice, role="viewer")


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("wish", ["pause", "resume", "cancel", "delete", "clone"])
def test_every_wish_in_every_state_is_followed_or_refused_in_a_sentence(
    world: World, wish: str, status: Status
) -> None:
    SearchRun.objects.filter(pk=world.run.pk).update(status=status)
    verb = getattr(services, f"run_{wish}")
    if not may(wish, status):
        with pytest.raises(services.RunRefuses, match=f"The run is {status} and cannot be "):
            verb(run=world.run, by=world.bob)
        assert SearchRun.objects.get(pk=world.run.pk).status == status
        return
    answer = verb(run=world.run, by=world.bob)
    if wish == "delete":
        assert not SearchRun.objects.filter(pk=world.run.pk).exists()
    elif wish == "clone":
        assert (answer.status, answer.spec, answer.name) == (Status.QUEUED, world.run.spec, "waiting (copy)")
    else:
        assert answer.status == WISHES[wish][status]
        assert answer.events.last().payload["by"] == "bob"


def test_wishes_and_deletion_keep_to_the_transition_table() -> None:
    moves = [(before, after) for wish in WISHES.values() for before, after in wish.items()]
    assert all(after in TRANSITIONS[before] for before, after in moves)
    assert not {Status.RUNNING, Status.PAUSING, Status.CANCELLING} & set(DELETABLE)
    assert set(sources(Status.FINISHED)) == {Status.RUNNING, Status.PAUSING}


def test_a_deleted_run_leaves_no_file(world: World, django_capture_on_commit_callbacks: object) -> None:
    folder = world.finished.folder
    assert list(folder.glob("weights/*"))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        services.run_delete(run=world.finished, by=world.alice)
    assert not folder.exists()


def test_one_of_two_claims_wins(world: World) -> None:
    first = leases.run_claim(owner="a/1", seconds=60, runs_at_once=9, run_id=world.run.pk)
    second = leases.run_claim(owner="b/2", seconds=60, runs_at_once=9, run_id=world.run.pk)
    assert first is not None
    assert second is None


def test_a_message_that_is_delivered_five_times_does_nothing_more(world: World) -> None:
    claims = [leases.run_claim(owner="a/1", seconds=60, runs_at_once=9) for _ in range(5)]
    assert [each is not None for each in claims] == [True, False, False, False, False]


def test_a_machine_with_enough_to_do_claims_nothing(world: World) -> None:
    other = services.run_create(project=world.project, spec=spec(), name="other", by=world.alice)
    claim(world.run, owner="here/1")
    assert leases.run_claim(owner="here/2", seconds=60, runs_at_once=1) is None
    assert leases.run_claim(owner="there/2", seconds=60, runs_at_once=1) == Claim(other.pk, 1)


def test_turns_are_fair_between_owners(world: World) -> None:
    for count in range(3):
        services.run_create(project=world.project, spec=spec(), name=f"alice's {count}", by=world.alice)
    hers = services.project_create(owner=world.charlie, name="Charlie's")
    late = services.run_create(project=hers, spec=spec(), name="late", by=world.charlie)
    claims = [leases.run_claim(owner="a/1", seconds=60, runs_at_once=9) for _ in range(2)]
    assert [each.run_id for each in claims if each] == [late.pk, world.run.pk]  # Alice has had a turn already


def expire(run: SearchRun) -> None:
    SearchRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_late_write_is_refused(world: World) -> None:
    stale = work(world.run, events=12)
    before = list(world.run.evaluations.values_list("line", flat=True))
    expire(world.run)
    fresh = claim(world.run, owner="b/2")
    late = list(reports_of(world.run))[:6]
    with pytest.raises(LeaseLost, match=f"run {world.run.pk} is no longer held under token {stale.token}"):
        events_record(run_id=world.run.pk, token=stale.token, events=[each for each in late if each.kind != "Progress"])
    assert leases.run_heartbeat(claim=stale, seconds=60, worked_seconds=1) is None
    assert leases.run_settle(claim=stale) is None
    assert leases.run_fail(claim=stale, reason="late") is False
    assert leases.run_heartbeat(claim=fresh, seconds=60, worked_seconds=1) == Status.RUNNING
    assert list(world.run.evaluations.values_list("line", flat=True)) == before
    assert invariants.broken(world.run) == []


def test_what_was_not_committed_is_not_taken_for_known(world: World) -> None:
    held, known = claim(world.run), RowCache(world.run.pk)
    reports = [each for each in reports_of(world.run) if each.kind != "Progress"]
    last = next(place for place, each in enumerate(reports) if each.kind == "EvaluationFinished")
    first = reports[: last + 1]
    refused = engine.SearchFinished("done", 1, 0.0, "another hash")
    with pytest.raises(HistoryDiffers):
        events_record(run_id=world.run.pk, token=held.token, events=[*first, refused], known=known)
    assert not world.run.candidates.exists()
    new = events_record(run_id=world.run.pk, token=held.token, events=first, known=known)
    assert new == len(first)
    assert world.run.evaluations.get().candidate == world.run.candidates.get(number=first[-1].number)
    assert events_record(run_id=world.run.pk, token=held.token, events=[first[-1]], known=known) == 0
    assert invariants.broken(world.run) == []


def test_a_lease_that_nobody_took_can_be_prolonged_late(world: World) -> None:
    held = claim(world.run)
    expire(world.run)
    assert leases.run_heartbeat(claim=held, seconds=60, worked_seconds=1) == Status.RUNNING


@pytest.mark.parametrize(("wish", "ends"), [("pause", Status.PAUSED), ("cancel", Status.CANCELLED)])
def test_the_reaper_settles_a_wish_whose_supervisor_died(world: World, wish: str, ends: Status) -> None:
    claim(world.run)
    getattr(services, f"run_{wish}")(run=world.run, by=world.alice)
    expire(world.run)
    reaper.settle_abandoned()
    world.run.refresh_from_db()
    assert world.run.status == ends
    assert invariants.broken(world.run) == []


def test_a_pause_that_is_taken_back_in_time_leaves_the_run_in_the_queue(world: World) -> None:
    held = claim(world.run)
    services.run_pause(run=world.run, by=world.alice)
    services.run_resume(run=world.run, by=world.alice)
    assert leases.run_settle(claim=held) == Status.QUEUED
    assert invariants.broken(world.run) == []


def test_a_cancellation_is_not_overtaken_by_the_last_result(world: World) -> None:
    held = claim(world.run)
    services.run_cancel(run=world.run, by=world.alice)
    events_record(
        run_id=world.run.pk,
        token=held.token,
        events=[each for each in reports_of(world.run) if each.kind != "Progress"],
    )
    assert leases.run_settle(claim=held) == Status.CANCELLED
    assert invariants.broken(world.run) == []


def test_a_repository_is_asked_for_once_by_the_whole_team(world: World) -> None:
    chosen = world.finished.candidates.get(number=world.finished.chosen_number)
    first = services.repository_request(candidate=chosen, by=world.alice)
    second = services.repository_request(candidate=chosen, by=world.bob)
    assert first == second
    assert CandidateRepository.objects.count() == 1
    request = first.request
    assert request["weights_sha256"] == chosen.evaluations.get().weights_sha256
    assert request["architecture"]["origin"]["genotype"] == chosen.genotype
    assert {figure["name"]: figure["kind"] for figure in request["results"]}["accuracy"] == "measured"
    assert {figure["name"]: figure["kind"] for figure in request["results"]}["params"] == "counted"
    assert any(neighbour["chosen"] for neighbour in request["front"])
    assert world.finished.events.last().kind == "RepositoryRequested"


def test_it_delivers_nothing_that_was_not_trained(world: World) -> None:
    work(world.run, events=7)
    waiting = world.run.candidates.get(number=0)
    with pytest.raises(services.NothingToDeliver, match="Candidate 0 has no trained weights; select one whose"):
        services.repository_request(candidate=waiting, by=world.alice)


class RunMachine(RuleBasedStateMachine):
    """Users and supervisors do whatever they like to one run, at any time; supervisors die and come back late."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @initialize()
    def a_run(self) -> None:
        small = spec(evaluations=3)
        self.run = services.run_create(project=self.world.project, spec=small, name="steered", by=self.world.alice)
        self.claims: list[Claim] = []
        self.reports = iter(())
        self.acknowledged: dict[tuple[int, int], str] = {}

    @property
    def status(self) -> Status:
        return Status(SearchRun.objects.values_list("status", flat=True).get(pk=self.run.pk))

    def _wish(self, wish: str) -> None:
        legal = may(wish, self.status)
        try:
            getattr(services, f"run_{wish}")(run=self.run, by=self.world.bob)
        except services.RunRefuses:
            assert not legal
        else:
            assert legal

    @rule()
    def pause(self) -> None:
        self._wish("pause")

    @rule()
    def resume(self) -> None:
        self._wish("resume")

    @rule()
    def cancel(self) -> None:
        self._wish("cancel")

    @rule()
    def clone_and_delete_the_clone(self) -> None:
        clone = services.run_clone(run=self.run, by=self.world.bob)
        assert not clone.evaluations.exists()
        services.run_delete(run=clone, by=self.world.bob)

    @rule()
    def supervisor_comes(self) -> None:
        won = leases.run_claim(owner="m/1", seconds=60, runs_at_once=1000, run_id=self.run.pk)
        if won:
            self.claims.append(won)
            self.known = RowCache(self.run.pk)
            self.reports = reports_of(self.run)

    @precondition(lambda self: self.claims)
    @rule()
    def supervisor_commits(self) -> None:
        for report in self.reports:
            if report.kind == "Progress":
                continue
            try:
                events_record(run_id=self.run.pk, token=self.claims[-1].token, events=[report], known=self.known)
            except LeaseLost:
                return
            if report.kind == "EvaluationFinished":
                row = self.run.evaluations.get(number=report.number)
                self.acknowledged[row.number, row.fidelity] = row.line
                return

    @precondition(lambda self: len(self.claims) > 1)
    @rule()
    def a_late_supervisor_writes(self) -> None:
        with pytest.raises(LeaseLost):
            events_record(run_id=self.run.pk, token=self.claims[0].token, events=[])
        assert leases.run_settle(claim=self.claims[0]) is None

    @precondition(lambda self: self.claims)
    @rule()
    def supervisor_settles(self) -> None:
        leases.run_settle(claim=self.claims[-1])

    @rule()
    def lease_runs_out(self) -> None:
        SearchRun.objects.filter(pk=self.run.pk, lease_until__isnull=False).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )

    @rule()
    def reaper_comes(self) -> None:
        reaper.settle_abandoned()

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "run"):
            assert invariants.broken(self.run, acknowledged=self.acknowledged) == []

    def teardown(self) -> None:
        if hasattr(self, "run"):
            SearchRun.objects.filter(pk=self.run.pk).delete()


@pytest.mark.slow
def test_whatever_is_wished_of_a_run_only_legal_states_follow(world: World) -> None:
    run_state_machine_as_test(
        lambda: RunMachine(world),
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
