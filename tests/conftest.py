"""What every test shares."""

import os
from uuid import uuid4

# One process a core, one thread each: two threads in one process are fifty times slower on a busy machine. Before
# anything imports numpy, which reads this once.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from django.conf import settings  # noqa: E402

from tests.support.databases import hurry_postgresql, keep_sqlite_in_a_file  # noqa: E402
from tests.support.world import data, world  # noqa: E402, F401  (fixtures)

# Nothing of the developer's own data folder: its collected files may be of another day.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # signing in is not what is slow
keep_sqlite_in_a_file()
hurry_postgresql()
if settings.REDIS_URL:  # one server, two test processes, and what an earlier suite has left there
    own = f"test-{uuid4().hex}"
    settings.CACHES["default"]["KEY_PREFIX"] = own
    settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = own
