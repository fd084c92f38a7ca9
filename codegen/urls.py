"""Pages of codegen."""

from django.urls import URLPattern, URLResolver, path

from codegen import views

app_name = "codegen"
urlpatterns: list[URLPattern | URLResolver] = [
    path("repositories/", views.repositories, name="repositories"),
    path("repositories/<int:pk>/", views.repository, name="repository"),
    path("repositories/<int:pk>/files/", views.files, name="files"),
    path("repositories/<int:pk>/certificate/", views.certificate, name="certificate"),
    path("repositories/<int:pk>/download/", views.download, name="download"),
]
