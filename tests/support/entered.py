"""What a browser sends for a new run."""

from typing import Any

from django.http import QueryDict

from searches.forms import RunForm
from searches.spec import SearchSpec


def entered(spec: SearchSpec, name: str, /, **changes: Any) -> dict[str, Any]:
    """The fields of the form for a spec, but for the changes; switches that are off are not sent."""
    values = {key: value for key, value in RunForm.of_spec(spec, name).initial.items() if value is not False}
    return {key: "on" if value is True else value for key, value in values.items()} | changes


def sent(spec: SearchSpec, name: str, /, **changes: Any) -> QueryDict:
    """The same as a view gets it."""
    data = QueryDict(mutable=True)
    for key, value in entered(spec, name, **changes).items():
        data.setlist(key, value if isinstance(value, list) else [value])
    return data
