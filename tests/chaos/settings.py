"""The portal's settings with short leases, and with the crash points that production ignores."""

from nasportal.settings import *  # noqa: F403
from nasportal.settings import DATA_DIR, LOGGING, env

FAULT_INJECTION = True
LEASE_SECONDS = 2.0
HEARTBEAT_SECONDS = 0.5
SLICE_SECONDS = env.float("CHAOS_SLICE_SECONDS", default=600.0)
RUNS_AT_ONCE = 1
EVALUATORS = env.int("CHAOS_EVALUATORS", default=2)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING = LOGGING | {
    "handlers": {
        "console": {"class": "logging.FileHandler", "filename": DATA_DIR / "chaos.log", "formatter": "line"},
    }
}
