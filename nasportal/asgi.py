"""The web process: HTTP and websockets. It never imports torch."""

import os

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
django.setup(set_prefix=False)  # the routes below need the apps

from django.urls import re_path  # noqa: E402

from nasportal.server.request_threads import ReusingHandler  # noqa: E402
from nasportal.server.same_origin import SameOrigin  # noqa: E402
from nasportal.server.unknown_socket import NoSuchSocket  # noqa: E402
from searches.routing import websocket_urlpatterns  # noqa: E402

routes = [*websocket_urlpatterns, re_path("", NoSuchSocket.as_asgi())]
websocket = SameOrigin(AuthMiddlewareStack(URLRouter(routes)))
application = ProtocolTypeRouter({"http": ReusingHandler(), "websocket": websocket})
