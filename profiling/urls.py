"""Pages of profiling."""

from django.urls import URLPattern, URLResolver, path

from profiling import views

app_name = "profiling"
urlpatterns: list[URLPattern | URLResolver] = [path("targets/", views.hardware, name="targets")]
