"""Replays in the API: algorithms on a table of known results."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from searches.api.pagination import Conflict, Pages
from searches.api.parsers import BoundedJSONParser
from searches.api.requests import NO_FILTERS_OR_PAGES, person
from searches.models import Replay
from searches.services import replays as replay_services


class ReplaySerializer(serializers.ModelSerializer[Replay]):
    """A replay; `figures` is what `manage.py replay --json` prints."""

    question: Any = serializers.DictField(read_only=True)
    figures: Any = serializers.DictField(read_only=True)

    class Meta:
        model = Replay
        fields = ["id", "table_name", "question", "status", "reason", "done", "total", "created", "finished", "figures"]


class QuestionSerializer(serializers.Serializer[Any]):
    """The fields of the page's form: `table` is `server:NAME` or `own:ID` of an earlier replay; or a `file` comes."""

    table = serializers.CharField(max_length=200, default="", allow_blank=True)
    file = serializers.FileField(required=False)
    search_on = serializers.CharField(max_length=200)
    code = serializers.CharField(max_length=200, default="code")
    report = serializers.CharField(max_length=200, default="", allow_blank=True)
    minimise = serializers.CharField(max_length=500, default="", allow_blank=True)
    cost = serializers.CharField(max_length=500, default="", allow_blank=True)
    budget = serializers.CharField(max_length=20, default="", allow_blank=True)
    evaluations = serializers.CharField(max_length=12, default="200")
    repeats = serializers.CharField(max_length=12, default="20")
    seed = serializers.CharField(max_length=12, default="0")
    lag = serializers.CharField(max_length=12, default="0")
    algorithms = serializers.CharField(max_length=500, default="random_search,regularized_evolution,nsga2")


class ReplayViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Replay]
):
    """Algorithms on a table whose truth is known: one's own replays."""

    queryset = Replay.objects.none()
    serializer_class = ReplaySerializer
    parser_classes = [BoundedJSONParser, MultiPartParser]
    pagination_class = Pages
    filter_backends = []
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Replay]:
        return Replay.objects.filter(owner=person(self.request)).order_by("-pk")

    @extend_schema(request=QuestionSerializer, responses={201: ReplaySerializer})
    def create(self, request: Request) -> Response:
        """Asks for a replay. A table of your own comes in a form with `file`, a .csv or .csv.gz.

        Answers 400 (ValidationError) where the table or an option cannot be accepted.
        """
        entered = QuestionSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        words = dict(entered.validated_data)
        file = words.pop("file", None)
        try:
            question = replay_services.question_from(words)
            replay = replay_services.replay_create(
                owner=person(request), table=words["table"], file=file, question=question
            )
        except ModelValidationError as refusal:
            raise ValidationError(refusal.message_dict) from refusal
        return Response(ReplaySerializer(replay).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ReplaySerializer)
    @action(detail=True, methods=["post"], **NO_FILTERS_OR_PAGES)
    def stop(self, request: Request, pk: str) -> Response:
        """Stops the replay; finished repeats stay. Answers 409 (Conflict) where it is over already."""
        replay = self.get_object()
        if not replay_services.replay_stop(replay=replay):
            raise Conflict(f"The benchmark is already {replay.get_status_display()}.")
        replay.refresh_from_db()
        return Response(ReplaySerializer(replay).data)

    def perform_destroy(self, instance: Replay) -> None:
        """Deletes the replay. Raises Conflict where another one uses its table."""
        try:
            replay_services.replay_delete(replay=instance)
        except ModelValidationError as refusal:
            raise Conflict(" ".join(refusal.messages)) from refusal
