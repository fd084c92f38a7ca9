"""Reads the JSON that programs send: bounded in size and depth, strict about numbers and names."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

BODY_BYTES = 1_000_000


class BodyTooLarge(APIException):
    """A request whose body no form or program of ours would send."""

    status_code = 413
    default_detail = f"The body must be at most {BODY_BYTES:,} bytes of JSON."
    default_code = "body_too_large"


class BoundedJSONParser(JSONParser):
    """JSON without NaN, without repeated names, of at most a megabyte."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Reads a JSON body.

        Raises BodyTooLarge where it is too long, and ParseError where it is not UTF-8 or not JSON.
        """
        body = stream.read(BODY_BYTES + 1)
        if len(body) > BODY_BYTES:
            raise BodyTooLarge
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_once)
        except UnicodeDecodeError as error:
            raise ParseError(f"The body must be UTF-8: {error.reason} at byte {error.start}.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"The body must be JSON: {error}.") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {repeated[:40]!r} occurs twice in one object")
    return found
