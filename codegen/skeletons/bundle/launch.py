"""Runs a program of one variant: what stands after `--variant NAME` goes on to it."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent


def launch(program: str) -> int:
    known = json.loads((ROOT / "variants.json").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--variant", choices=list(known["variants"]), default=known["default"])
    chosen, rest = parser.parse_known_args()
    return subprocess.run([sys.executable, ROOT / "variants" / chosen.variant / program, *rest], check=False).returncode
