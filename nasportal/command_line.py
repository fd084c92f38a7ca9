"""The command line of NAS Portal: `nas-portal up`, `search`, `sample`, `generate`, `doctor` and the rest."""

import os
import sys

from nasportal.lib.installation import DATA_VARIABLE, portal_version

DATA = "--data"


def main(arguments: list[str] | None = None) -> None:
    """Hand the command line to Django, after ``--version`` and ``--data FOLDER``, which every command takes."""
    given = list(sys.argv if arguments is None else arguments)
    if given[1:] == ["--version"]:
        print(f"nas-portal {portal_version()}")
        return
    program, *rest = given
    try:
        rest, folder = without_data(rest)
    except ValueError as fault:
        sys.stderr.write(f"{fault}\n")
        sys.exit(2)
    if folder:
        os.environ[DATA_VARIABLE] = folder
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line([program, *rest])
    except ImproperlyConfigured as fault:  # a setting out of the environment, in one sentence
        sys.stderr.write(f"{fault}\n")
        sys.exit(2)


def without_data(arguments: list[str]) -> tuple[list[str], str]:
    """The arguments without ``--data FOLDER`` or ``--data=FOLDER``, and the folder.

    Raises ValueError where the folder is missing.
    """
    kept: list[str] = []
    folder = ""
    rest = iter(arguments)
    for argument in rest:
        if argument == DATA:
            folder = next(rest, "")
        elif argument.startswith(f"{DATA}="):
            folder = argument.partition("=")[2]
        else:
            kept.append(argument)
            continue
        if not folder or folder.startswith("-"):
            raise ValueError(f"{DATA} must be followed by the data folder, such as {DATA} /srv/nas-portal.")
    return kept, folder


if __name__ == "__main__":
    main()
