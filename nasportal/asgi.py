"""The web process: HTTP and websockets. It never imports torch."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
http = get_asgi_application()  # loads the apps, which the routes below need

from django.urls import re_path  # noqa: E402

from nasportal.sockets import NoSuchSocket  # noqa: E402
from searches.routing import websocket_urlpatterns  # noqa: E402

routes = [*websocket_urlpatterns, re_path("", NoSuchSocket.as_asgi())]
websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routes)))
application = ProtocolTypeRouter({"http": http, "websocket": websocket})
