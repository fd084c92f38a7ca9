"""Printed source goes through the formatter before anybody sees it."""

import subprocess
import sys
from functools import lru_cache

LINE_LENGTH = 120


class FormatError(ValueError):
    """Source that the formatter cannot read: a printer's fault."""


@lru_cache(maxsize=256)
def formatted(source: str) -> str:
    """Formats Python source as `ruff format` does; the settings of this machine play no part.

    Raises FormatError where the formatter refuses the source.
    """
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length", str(LINE_LENGTH)]
    done = subprocess.run([*command, "-"], input=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FormatError(f"the formatter refused the source: {done.stderr.strip()}")
    return done.stdout
