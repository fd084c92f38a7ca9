#!/usr/bin/env python
"""The command line of NAS Portal: `manage.py up`, `search`, `sample`, `generate`, `doctor` and the rest."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  # whoever has an older one shall read why
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.stderr.write(f"NAS Portal needs Python 3.11 or newer, but this is {found}: use .venv/bin/python.\n")
    sys.exit(2)


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python: run `make install`, then .venv/bin/python manage.py …")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
