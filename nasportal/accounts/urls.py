"""Pages of accounts."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from nasportal.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.SignInView.as_view(), name="login"),
    path("login/once/<str:token>/", views.once, name="once"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/password/", views.PasswordView.as_view(), name="password"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
]
