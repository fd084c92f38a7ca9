"""Filters of lists, the same for pages and API."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from searches.models import TAG_LENGTH, Candidate, SearchRun, Star
from searches.models.status import Status


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Runs by project, status, words of the name, tag, star and who started them."""

    project = django_filters.CharFilter(field_name="project__slug", max_length=80)
    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    search = django_filters.CharFilter(
        field_name="name", lookup_expr="icontains", max_length=200, label="part of the name"
    )
    tag = django_filters.CharFilter(method="filter_tag", max_length=TAG_LENGTH, label="a tag of the run")
    starred = django_filters.BooleanFilter(method="filter_starred", label="starred by you")
    created_by = django_filters.CharFilter(field_name="created_by__username", max_length=150)

    class Meta:
        model = SearchRun
        fields = ["project", "status", "search", "tag", "starred", "created_by"]

    def filter_tag(self, runs: QuerySet[SearchRun], name: str, value: str) -> QuerySet[SearchRun]:
        return runs.filter(tags__name=value.lower(), tags__candidate=None)

    def filter_starred(self, runs: QuerySet[SearchRun], name: str, value: bool) -> QuerySet[SearchRun]:
        mine = Star.objects.filter(user_id=self.request.user.pk, candidate=None).values("run_id")
        return runs.filter(pk__in=mine) if value else runs.exclude(pk__in=mine)


class CandidateFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Candidates by generation, network, tag and star, and whether they are on the front."""

    on_front = django_filters.BooleanFilter(method="filter_on_front", label="on the Pareto front")
    generation = django_filters.NumberFilter(min_value=-1, max_value=2**31 - 1)
    fingerprint = django_filters.CharFilter(max_length=64)
    tag = django_filters.CharFilter(field_name="tags__name", max_length=TAG_LENGTH, label="a tag of the candidate")
    starred = django_filters.BooleanFilter(method="filter_starred", label="starred by you")

    class Meta:
        model = Candidate
        fields = ["generation", "fingerprint", "on_front", "tag", "starred"]

    def filter_on_front(self, candidates: Any, name: str, value: bool) -> Any:
        members = candidates.filter(evaluations__is_on_front=True).values("pk")
        return candidates.filter(pk__in=members) if value else candidates.exclude(pk__in=members)

    def filter_starred(self, candidates: Any, name: str, value: bool) -> Any:
        mine = Star.objects.filter(user_id=self.request.user.pk, candidate__isnull=False).values("candidate_id")
        return candidates.filter(pk__in=mine) if value else candidates.exclude(pk__in=mine)
