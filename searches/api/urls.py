"""Routes of `/api/v1/`."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from searches.api import candidates as api_candidates
from searches.api import people as api_people
from searches.api import resources as api_things
from searches.api import runs as api

app_name = "api"

router = SimpleRouter()
router.register("projects", api.ProjectViewSet, basename="project")
router.register("runs", api.RunViewSet, basename="run")
router.register(r"runs/(?P<run_pk>\d+)/candidates", api_candidates.CandidateViewSet, basename="candidate")
router.register(r"projects/(?P<slug>[-\w]+)/datasets", api_things.DataSetViewSet, basename="dataset")
router.register("replays", api_things.ReplayViewSet, basename="replay")
router.register("devices", api_things.DeviceViewSet, basename="device")
router.register("repositories", api_candidates.RepositoryViewSet, basename="repository")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    # The split view keeps its script in a file of its own: the content policy allows no inline script.
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("vocabulary/", api_people.VocabularyView.as_view(), name="vocabulary"),
    path("notices/", api_people.NoticesView.as_view(), name="notices"),
    path("", include(router.urls)),
]
