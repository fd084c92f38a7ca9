"""What a page may not do: fail in its console, break its content policy, ask a foreign host."""

from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, Response

SERIOUS = ("serious", "critical")


class Watched:
    """A page and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "422" not in message.text:  # a form that comes back with its faults
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if host not in (None, "127.0.0.1", "localhost"):
            self.faults.append(f"foreign host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status}: {response.url}")

    def must_be_clean(self) -> None:
        assert not self.faults, "\n".join(self.faults)


def must_be_accessible(page: Page) -> None:
    """axe finds nothing serious in the page as it stands."""
    # axe runs in the page's own world and needs no script of the page: the content policy holds.
    violations = [found for found in Axe().run(page).response["violations"] if found["impact"] in SERIOUS]
    said = [
        f"{each['id']}: {each['help']}\n  " + "\n  ".join(node["html"][:160] for node in each["nodes"][:4])
        for each in violations
    ]
    assert not violations, f"{page.url}\n" + "\n".join(said)
