"""NASPORTAL_STORAGE as an entry of Django's STORAGES: a bucket of an S3-compatible server, or a folder on a mount."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

from nasportal.lib.installation import way_to_install

FORMS = "s3://bucket/prefix?endpoint=https://… or the absolute path of a folder"
OPTIONS = {"endpoint": "endpoint_url", "region": "region_name"}


def storage_of(text: str) -> dict[str, Any]:
    """Returns the storage entry; a server's keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, never from the
    address. Raises ImproperlyConfigured where the address is malformed, holds keys or needs a missing extra.
    """
    if Path(text).is_absolute():
        options: dict[str, Any] = {"location": text, "allow_overwrite": True}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured(f"NASPORTAL_STORAGE must be {FORMS}, but is {text!r}.")
    if "@" in parts.netloc:
        raise ImproperlyConfigured("NASPORTAL_STORAGE holds no keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY do.")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        raise ImproperlyConfigured(f"NASPORTAL_STORAGE knows endpoint and region, but not {unknown[0]!r}.")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(f"NASPORTAL_STORAGE names S3, which needs an extra: {way_to_install('s3')}.")
    options = {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "file_overwrite": True,  # names hold the hash of what they name
        "default_acl": None,
        "querystring_auth": False,
    }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": options | {OPTIONS[name]: value for name, value in given.items()},
    }
