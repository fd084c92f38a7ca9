"""Pages of searches."""

from django.urls import URLPattern, URLResolver, path

from searches import candidate_views, new_run_views, run_views, views

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
    path("projects/<slug:slug>/new/", new_run_views.new_run, name="run-new"),
    path("projects/<slug:slug>/new/check/", new_run_views.check, name="run-check"),
    path(RUN, run_views.run, name="run"),
    path(f"{RUN}snapshot/", run_views.run_snapshot, name="run-snapshot"),
    path(f"{RUN}choose/", run_views.choose, name="run-choose"),
    path(f"{RUN}history.jsonl", run_views.history, name="run-history"),
    path(f"{RUN}candidates.csv", run_views.candidates_csv, name="run-csv"),
    path(f"{RUN}candidates/", candidate_views.candidates, name="candidates"),
    path(f"{RUN}compare/", candidate_views.compare, name="compare"),
    path(CANDIDATE, candidate_views.candidate, name="candidate"),
    path(f"{CANDIDATE}panel/", candidate_views.panel, name="candidate-panel"),
    path(f"{CANDIDATE}repository/", candidate_views.repository, name="candidate-repository"),
    path(f"{RUN}<str:verb>/", run_views.act, name="run-act"),
]
