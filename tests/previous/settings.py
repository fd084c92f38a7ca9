"""The settings of the chaos tests, with static files as they lie in the checkout."""

from tests.chaos.settings import *  # noqa: F403
from tests.chaos.settings import STORAGES

STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
