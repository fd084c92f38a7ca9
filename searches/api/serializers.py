"""Fields that several resources share. A spec is read by SearchSpec alone, and its faults keep their field paths."""

from typing import Any

from rest_framework import serializers

from searches.spec import SearchSpec, SpecErrors


class OneLine(serializers.CharField):
    """A name: kept as it was given, but for white space at its ends and control characters, which are refused."""

    def to_internal_value(self, data: Any) -> str:
        """Returns the name. Raises ValidationError where it is not one line of printable characters."""
        text = str(super().to_internal_value(data))
        if not text.isprintable():
            raise serializers.ValidationError("A name must be one line of printable characters.")
        return text


def faults_by_field(errors: SpecErrors) -> dict[str, list[str]]:
    """Each fault of a spec beside the path of its field; of one field all."""
    found: dict[str, list[str]] = {}
    for problem in errors.problems:
        found.setdefault(problem.field or "spec", []).append(problem.message)
    return found


def read_spec(document: Any) -> SearchSpec:
    """Reads a search spec. Raises ValidationError with its faults by field."""
    try:
        return SearchSpec.from_document(document)
    except SpecErrors as errors:
        raise serializers.ValidationError(faults_by_field(errors)) from errors
