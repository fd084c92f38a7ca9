"""All routes: pages of searches and codegen, the API, accounts, health."""

from django.urls import include, path

from nasportal import views
from nasportal.admin import views as admin_views
from nasportal.help import views as help_views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", admin_views.metrics, name="metrics"),
    path("administration/", admin_views.state, name="state"),
    path("administration/audit/", admin_views.audit, name="audit"),
    path("help/", help_views.index, name="help"),
    path("help/<path:page>/", help_views.show, name="help-page"),
    path("", include("nasportal.accounts.urls")),
    path("api/v1/", include("searches.api.urls")),
    path("", include("profiling.urls")),
    path("", include("codegen.urls")),
    path("", include("searches.urls")),
]

handler400 = "nasportal.views.bad_request"
handler403 = "nasportal.views.permission_denied"
handler404 = "nasportal.views.page_not_found"
handler500 = "nasportal.views.server_error"
