"""Notes, tags and stars of runs and candidates. A target is a run, or one of its candidates."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction

from nasportal.lib import rows
from searches.models import NOTE_LENGTH, TAG_LENGTH, Candidate, Note, SearchRun, Star, Tag
from searches.services.activity import activity_add

TAGS_AT_MOST = 20
Target = SearchRun | Candidate


class NoteOvertaken(ValidationError):
    """Another user saved the note in the meantime; nothing is overwritten unseen."""

    def __init__(self, note: Note | None) -> None:
        who = note.by.get_username() if note and note.by else "Another user"
        super().__init__(
            f"{who} changed this note while you were writing. Their text is above; yours is kept here. "
            "Merge both, then save."
        )


def place(target: Target) -> dict[str, Any]:
    """Returns the columns by which the rows of a target are found."""
    return (
        {"run": target, "candidate": None}
        if isinstance(target, SearchRun)
        else {"run": target.run, "candidate": target}
    )


def named(target: Target) -> str:
    return target.name if isinstance(target, SearchRun) else f"#{target.number} of {target.run.name}"


def note_of(target: Target) -> Note | None:
    return Note.objects.filter(**place(target)).select_related("by").first()


def tags_of(target: Target) -> list[str]:
    return list(Tag.objects.filter(**place(target)).values_list("name", flat=True))


def is_starred(target: Target, user: AbstractBaseUser) -> bool:
    return Star.objects.filter(**place(target), user_id=user.pk).exists()


@transaction.atomic
def note_save(*, target: Target, text: str, by: AbstractBaseUser, version: int | None = None) -> Note | None:
    """Saves the new text; an empty one removes the note. `version` is that of the text it was written over (0: none).

    Raises ValidationError where the text breaks a rule, and NoteOvertaken where the version is not the present one.
    """
    text = text.replace("\r\n", "\n").strip()
    if len(text) > NOTE_LENGTH:
        raise ValidationError(f"A note must have at most {NOTE_LENGTH:,} characters, but has {len(text):,}.")
    if "\0" in text:
        raise ValidationError("A note must not contain the character NUL.")
    run = place(target)["run"]
    assert isinstance(run, SearchRun)
    rows.locked(run)  # one writer at a time
    note = note_of(target)
    if version is not None and version != (note.version if note else 0):
        raise NoteOvertaken(note)
    if not text:
        Note.objects.filter(**place(target)).delete()
        return None
    note = note or Note(**place(target), version=0)
    note.text, note.by_id, note.version = text, by.pk, note.version + 1
    note.save()
    activity_add(project=run.project, by=by, run=run, what=f"wrote a note on {named(target)}")
    return note


@transaction.atomic
def tags_set(*, target: Target, names: Iterable[str]) -> list[str]:
    """Exactly these tags, in small letters."""
    wanted = clean_tags(names)
    rows.locked(place(target)["run"])
    tags = Tag.objects.filter(**place(target))
    tags.exclude(name__in=wanted).delete()
    there = set(tags.values_list("name", flat=True))
    Tag.objects.bulk_create(
        [Tag(**place(target), name=name) for name in wanted if name not in there], ignore_conflicts=True
    )
    return tags_of(target)


def clean_tags(names: Iterable[str]) -> Sequence[str]:
    """Removes repetitions and white space at the ends. Raises ValidationError where a tag breaks a rule."""
    cleaned = sorted({" ".join(name.lower().split()) for name in names if name.strip()})
    for name in cleaned:
        if len(name) > TAG_LENGTH:
            raise ValidationError(
                f"A tag must have at most {TAG_LENGTH} characters, but {name[:20]!r}… has {len(name)}."
            )
        if not name.isprintable() or "," in name:
            raise ValidationError(f"A tag must be printable and without commas, but one is {name!r}.")
    if len(cleaned) > TAGS_AT_MOST:
        raise ValidationError(f"At most {TAGS_AT_MOST} tags are kept, but there are {len(cleaned)}.")
    return cleaned


def split_tags(text: str) -> list[str]:
    """Splits what a user typed into one field by comma."""
    return [each for each in re.split(r"[,\n]", text) if each.strip()]


@transaction.atomic
def star_set(*, target: Target, user: AbstractBaseUser, is_starred: bool) -> None:
    """The user's own mark, on or off; twice is once."""
    rows.locked(place(target)["run"])
    if is_starred:
        Star.objects.get_or_create(**place(target), user_id=user.pk)
    else:
        Star.objects.filter(**place(target), user_id=user.pk).delete()
