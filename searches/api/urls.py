"""Routes of `/api/v1/`."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from searches.api import candidates, datasets, devices, notifications, projects, replays, repositories, runs, vocabulary

app_name = "api"

router = SimpleRouter()
router.register("projects", projects.ProjectViewSet, basename="project")
router.register("runs", runs.RunViewSet, basename="run")
router.register(r"runs/(?P<run_pk>\d+)/candidates", candidates.CandidateViewSet, basename="candidate")
router.register(r"projects/(?P<slug>[-\w]+)/datasets", datasets.DataSetViewSet, basename="dataset")
router.register("replays", replays.ReplayViewSet, basename="replay")
router.register("devices", devices.DeviceViewSet, basename="device")
router.register("repositories", repositories.RepositoryViewSet, basename="repository")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    # The split view keeps its script in a file of its own: the content policy allows no inline script.
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("vocabulary/", vocabulary.VocabularyView.as_view(), name="vocabulary"),
    path("notices/", notifications.NoticesView.as_view(), name="notices"),
    path("", include(router.urls)),
]
