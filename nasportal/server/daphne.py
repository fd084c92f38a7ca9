"""How daphne is started."""

import sys
from collections.abc import Sequence

from django.conf import settings


def command(host: str, port: int) -> Sequence[str]:
    """The command line of the web process."""
    daphne = [
        sys.executable,
        "-m",
        "daphne",
        "--verbosity",
        "0",
        "--server-name",
        "",
        "--application-close-timeout",
        "3",
        "--websocket_connect_timeout",
        "30",  # after a restart all browsers come back at once, and each is asked for its session
    ]
    if settings.TLS == "certificate":
        place = f"ssl:{port}:interface={_escaped(host)}"
        pem = f"privateKey={_escaped(settings.TLS_KEY)}:certKey={_escaped(settings.TLS_CERTIFICATE)}"
        where = ["--endpoint", f"{place}:{pem}"]
    else:
        where = ["--bind", host, "--port", str(port)]
    return [*daphne, *where, "nasportal.asgi:application"]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace(":", r"\:").replace("=", r"\=")
