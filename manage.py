#!/usr/bin/env python
"""The command line of NAS Portal in a checkout: `manage.py up`, `search`, `generate`, `doctor` and the rest."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # whoever has an older one shall read why
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.stderr.write(f"NAS Portal needs Python 3.11 or newer, but this is {found}: use .venv/bin/python.\n")
    sys.exit(2)


def main() -> None:
    """Hand the command line to the portal."""
    from nasportal import command_line

    try:
        command_line.main()
    except ModuleNotFoundError as missing:
        if missing.name != "django":
            raise
        sys.exit("Django is not installed for this Python: run `make install`, then .venv/bin/python manage.py …")


if __name__ == "__main__":
    main()
