"""Asking for the repository of a candidate, or for a bundle of several."""

from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from codegen import licences
from codegen import services as repository_services
from codegen.bundle import BundleRequest
from codegen.models import Repository, RepositoryStatus
from codegen.repository_request import RepositoryRequest
from nasportal.lib import rows
from searches.models import Candidate, CandidateRepository, SearchRun
from searches.models.run_events import RepositoryRequested
from searches.selectors.repository_request import request_of
from searches.services.activity import activity_add
from searches.services.transitions import events_append


def repository_request(*, candidate: Candidate, by: AbstractBaseUser, licence: str = licences.DEFAULT) -> Repository:
    """The team shares a candidate's repository: one that is there, or on its way, is not made twice."""
    there = CandidateRepository.objects.filter(candidate=candidate, repository__request__licence=licence)
    link = there.exclude(repository__status=RepositoryStatus.FAILED).select_related("repository").first()
    if link:
        return link.repository
    request = request_of(candidate, by.get_username(), licence)
    return _repository_link(candidate, request, by)


def bundle_request(
    *, run: SearchRun, candidates: Sequence[Candidate], by: AbstractBaseUser, licence: str = licences.DEFAULT
) -> Repository:
    """One archive with several candidates as variants; the smallest network's link shares it with the team."""
    requests = [request_of(candidate, by.get_username(), licence) for candidate in candidates]
    numbers = ", ".join(f"#{candidate.number}" for candidate in candidates)
    asked = BundleRequest.of(f"{run.name} {numbers}"[:200], requests)
    return _bundle_link(candidates[0], asked, by)


@transaction.atomic
def _bundle_link(candidate: Candidate, asked: BundleRequest, by: AbstractBaseUser) -> Repository:
    rows.locked(candidate.run)
    repository = repository_services.repository_request(owner=by, name=asked.name, request=asked.to_document())
    CandidateRepository.objects.get_or_create(candidate=candidate, repository=repository)
    return repository


@transaction.atomic
def _repository_link(candidate: Candidate, request: RepositoryRequest, by: AbstractBaseUser) -> Repository:
    rows.locked(candidate.run)
    repository = repository_services.repository_request(owner=by, name=request.name, request=request.to_document())
    _, is_new = CandidateRepository.objects.get_or_create(candidate=candidate, repository=repository)
    if is_new:
        told = RepositoryRequested(candidate.number, repository.pk, by.get_username())
        events_append(run=candidate.run, events=[told])
        what = f"asked for the repository of #{candidate.number} of {candidate.run.name}"
        activity_add(project=candidate.run.project, by=by, run=candidate.run, what=what)
    return repository
