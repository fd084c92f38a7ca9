"""Pages of searches."""

from django.urls import URLPattern, URLResolver, path

from searches.views import annotations as annotation_views
from searches.views import candidates as candidate_views
from searches.views import datasets as dataset_views
from searches.views import home as views
from searches.views import new_run as new_run_views
from searches.views import notifications as notice_views
from searches.views import profiles as profile_views
from searches.views import projects as project_views
from searches.views import replays as replay_views
from searches.views import repositories as repository_views
from searches.views import run_panels as panel_views
from searches.views import runs as run_views

app_name = "searches"
RUN = "runs/<int:pk>/"
CANDIDATE = f"{RUN}candidates/<int:number>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("search/", views.find, name="find"),
    path("example/", views.example, name="example"),
    path("projects/", views.projects, name="projects"),
    path("projects/<slug:slug>/", views.project, name="project"),
    path("projects/<slug:slug>/delete/", views.project_delete, name="project-delete"),
    path("projects/<slug:slug>/rename/", project_views.rename, name="project-rename"),
    path("projects/<slug:slug>/transfer/", project_views.transfer, name="transfer"),
    path("projects/<slug:slug>/members/", project_views.members, name="members"),
    path("projects/<slug:slug>/members/<int:user>/role/", project_views.member_role, name="member-role"),
    path("projects/<slug:slug>/members/<int:user>/remove/", project_views.member_remove, name="member-remove"),
    path("projects/<slug:slug>/activity/", project_views.activity, name="activity"),
    path("projects/<slug:slug>/templates/", project_views.templates, name="templates"),
    path("projects/<slug:slug>/templates/<int:pk>/delete/", project_views.template_delete, name="template-delete"),
    path("projects/<slug:slug>/datasets/", dataset_views.dataset_list, name="datasets"),
    path("projects/<slug:slug>/datasets/<slug:ref>/", dataset_views.dataset, name="dataset"),
    path("projects/<slug:slug>/datasets/<slug:ref>/samples/", dataset_views.dataset_samples, name="dataset-samples"),
    path("projects/<slug:slug>/datasets/<slug:ref>/delete/", dataset_views.dataset_delete, name="dataset-delete"),
    path("replays/", replay_views.replays, name="replays"),
    path("replays/<int:pk>/", replay_views.replay, name="replay"),
    path("replays/<int:pk>/figures/", replay_views.replay_figures, name="replay-figures"),
    path("replays/<int:pk>/stop/", replay_views.replay_stop, name="replay-stop"),
    path("replays/<int:pk>/delete/", replay_views.replay_delete, name="replay-delete"),
    path("notices/", notice_views.notices, name="notices"),
    path("notices/test/", notice_views.try_out, name="notices-test"),
    path("projects/<slug:slug>/new/", new_run_views.new_run, name="run-new"),
    path("projects/<slug:slug>/new/check/", new_run_views.check, name="run-check"),
    path("runs/compare/", candidate_views.compare_runs, name="compare-runs"),
    path(RUN, run_views.run, name="run"),
    path(f"{RUN}snapshot/", run_views.run_snapshot, name="run-snapshot"),
    path(f"{RUN}choose/", run_views.choose, name="run-choose"),
    path(f"{RUN}question/", run_views.question, name="run-question"),
    path(f"{RUN}plots/<slug:name>/", panel_views.plot, name="run-plot"),
    path(f"{RUN}curves/", panel_views.curves, name="run-curves"),
    path(f"{RUN}failures/", panel_views.failures, name="run-failures"),
    path(f"{RUN}history.jsonl", run_views.history, name="run-history"),
    path(f"{RUN}candidates.csv", run_views.candidates_csv, name="run-csv"),
    path(f"{RUN}note/", annotation_views.note, name="run-note"),
    path(f"{RUN}tags/", annotation_views.tags, name="run-tags"),
    path(f"{RUN}star/", annotation_views.star, name="run-star"),
    path(f"{RUN}candidates/", candidate_views.candidates, name="candidates"),
    path(f"{RUN}compare/", candidate_views.compare, name="compare"),
    path(CANDIDATE, candidate_views.candidate, name="candidate"),
    path(f"{CANDIDATE}note/", annotation_views.note, name="candidate-note"),
    path(f"{CANDIDATE}tags/", annotation_views.tags, name="candidate-tags"),
    path(f"{CANDIDATE}star/", annotation_views.star, name="candidate-star"),
    path(f"{CANDIDATE}profile/", profile_views.profile, name="candidate-profile"),
    path(f"{CANDIDATE}panel/", candidate_views.panel, name="candidate-panel"),
    path(f"{CANDIDATE}repository/", candidate_views.repository, name="candidate-repository"),
    path(f"{CANDIDATE}files/", repository_views.files, name="candidate-files"),
    path(f"{RUN}bundle/", repository_views.bundle, name="run-bundle"),
    path(f"{RUN}<str:verb>/", run_views.act, name="run-act"),
]
