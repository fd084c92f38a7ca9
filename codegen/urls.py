"""Pages of codegen."""

from django.urls import URLPattern, URLResolver

app_name = "codegen"
urlpatterns: list[URLPattern | URLResolver] = []
