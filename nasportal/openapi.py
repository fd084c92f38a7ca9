"""Adds to the OpenAPI schema what every route may answer besides success."""

from typing import Any

FAULTS = {
    "400": "The request has errors; each is listed under the name of its field.",
    "401": "No valid token and no session.",
    "403": "You can view this, but not change it, or the CSRF token of the session is missing.",
    "404": "The object does not exist, or you do not have access.",
    "406": "The requested format is not available.",
    "409": "The present state does not allow this request.",
    "413": "The body is too large.",
    "415": "The body must be JSON.",
    "429": "Too many requests: Retry-After says in how many seconds.",
}
WITHOUT_BODY = {"413", "415"}


def describe_faults(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Fault"] = {
        "type": "object",
        "description": "`detail` in a sentence, or lists of sentences by the names of fields.",
        "properties": {"detail": {"type": "string"}},
        "additionalProperties": {},
    }
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}
    for path in result["paths"].values():
        for method, operation in path.items():
            for status, words in FAULTS.items():
                if method in ("get", "head") and status in WITHOUT_BODY:
                    continue
                operation["responses"].setdefault(status, {"description": words, "content": answer})
    return result
