"""The README's picture: the run page of the example, in a portal of its own.

Renew it: ``python -m tests.support.picture``.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.portal import running_portal

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "run-page.png"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
SIZE = {"width": 1360, "height": 850}


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("No Chromium was found: install it.\n")
        return 2
    with (
        tempfile.TemporaryDirectory() as folder,
        running_portal(Path(folder) / "data", NASPORTAL_EXAMPLE="1") as portal,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light")  # type: ignore[arg-type]
        page.goto(portal.link)
        page.goto(f"{portal.address}/runs/1/")
        page.locator("#pareto .scatterlayer .point").first.wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")
        shot = page.screenshot()
        browser.close()
    PICTURE.parent.mkdir(exist_ok=True)
    # 128 colours are enough for a page of two, and a third of the bytes.
    Image.open(io.BytesIO(shot)).convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(PICTURE, optimize=True)
    sys.stderr.write(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
