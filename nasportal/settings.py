"""One settings module, driven by the environment; with an empty environment it is the embedded portal on this machine.

Every variable stands with its default and meaning in `nasportal/settings_reference.py` (docs/reference/settings.md).
"""

import re
import secrets
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from nasportal.lib import machine, work_kinds
from nasportal.lib.installation import data_folder, shared_folder, way_to_install
from nasportal.storage_setting import storage_of

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_folder()
DEBUG: bool = env.bool("NASPORTAL_DEBUG", default=False)

# Nothing is created here: `manage.py search`, `sample` and `generate` need no data folder and no key. What serves
# (`up`, `worker`) makes or demands the file first and starts its children afterwards.
SECRET_KEY_FILE = DATA_DIR / "secret_key"


def _secret_key() -> str:
    given = env.str("NASPORTAL_SECRET_KEY", default="")
    if given:
        return str(given)
    try:
        kept = SECRET_KEY_FILE.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    return kept or secrets.token_urlsafe(50)  # `up` and `worker` replace an empty file before they start a child


SECRET_KEY = _secret_key()

# Who may ask, and how safely
TLS: str = env.str("NASPORTAL_TLS", default="")
if TLS not in ("", "proxy", "certificate"):
    raise ImproperlyConfigured(f"NASPORTAL_TLS must be 'proxy', 'certificate' or empty, but is {TLS!r}.")
TLS_CERTIFICATE: str = env.str("NASPORTAL_TLS_CERTIFICATE", default="")
TLS_KEY: str = env.str("NASPORTAL_TLS_KEY", default="")
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS: list[str] = env.list("NASPORTAL_HOSTS", default=LOOPBACK_HOSTS)
SECURE_SSL_REDIRECT = bool(TLS)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS == "proxy" else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = bool(TLS)
SECURE_HSTS_PRELOAD = bool(TLS)
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(TLS)
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, UNSAFE_INLINE],  # plotly.js writes style elements
        "img-src": [SELF, "data:", "blob:"],  # plotly's picture of the plot
        "connect-src": [SELF],  # holds for the websocket of the same host, too
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

INSTALLED_APPS = [
    "nasportal",
    "nasportal.accounts",
    "searches",
    "codegen",
    "profiling",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_q",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "nasportal.middleware.nul_bytes.NulMiddleware",
    "nasportal.middleware.audit.AuditMiddleware",
]

ROOT_URLCONF = "nasportal.urls"
ASGI_APPLICATION = "nasportal.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [shared_folder("templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Rows. IMMEDIATE: a transaction that reads first and writes later cannot upgrade a stale snapshot; with WAL alone,
# a third of the writes of two writers are refused. synchronous stays FULL: a commit that was answered is on the disk.
SQLITE_OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}
_database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "nasportal.sqlite3"}
if env.str("DATABASE_URL", default=""):
    _database = env.db_url("DATABASE_URL")
if _database["ENGINE"] == "django.db.backends.postgresql" and find_spec("psycopg") is None:
    raise ImproperlyConfigured(f"DATABASE_URL names PostgreSQL, which needs an extra: {way_to_install('postgresql')}.")
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = SQLITE_OPTIONS
DATABASES = {"default": _database | {"CONN_MAX_AGE": 0, "ATOMIC_REQUESTS": False}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Messages between processes are rows; what is below only nudges.
REDIS_URL: str = env.str("REDIS_URL", default="")
if REDIS_URL and find_spec("channels_redis") is None:
    raise ImproperlyConfigured(f"REDIS_URL names a Redis server, which needs an extra: {way_to_install('redis')}.")
if REDIS_URL:
    CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    }
    CACHES: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "nasportal.redis_cache.ForgivingRedisCache", "LOCATION": REDIS_URL}
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Searches: a supervisor holds a run by a lease, which its heartbeats prolong, for a slice of time.
CORES = machine.cores()
WORK_PLACES: dict[str, int] = work_kinds.places(env.int)
RUNS_AT_ONCE: int = WORK_PLACES["searches"]
QUEUED_PER_USER: int = env.int("NASPORTAL_QUEUED_PER_USER", default=100)
if QUEUED_PER_USER < 20:
    raise ImproperlyConfigured(f"NASPORTAL_QUEUED_PER_USER must be at least 20, but is {QUEUED_PER_USER}.")
EVALUATORS: int = env.int("NASPORTAL_EVALUATORS", default=max(1, CORES // RUNS_AT_ONCE))
LEASE_SECONDS: float = env.float("NASPORTAL_LEASE_SECONDS", default=10.0)
HEARTBEAT_SECONDS: float = env.float("NASPORTAL_HEARTBEAT_SECONDS", default=2.0)
CACHE_BYTES: int = env.int("NASPORTAL_CACHE_BYTES", default=4 * 2**30)
SLICE_SECONDS: float = env.float("NASPORTAL_SLICE_SECONDS", default=600.0)

# The ORM broker on PostgreSQL, too: the Redis broker loses the task of a killed worker. A supervisor's slice is
# shorter than the timeout, which therefore hits none that works, and no task is handed out again before the timeout.
Q_WORKERS = work_kinds.workers(WORK_PLACES)
Q_CLUSTER: dict[str, Any] = {
    "name": "nasportal",
    "label": "Tasks",
    "orm": "default",
    "workers": Q_WORKERS,
    "queue_limit": Q_WORKERS,  # what waits in the cluster's memory is locked away from other machines
    "bulk": 1,
    "poll": 0.3,
    "timeout": int(SLICE_SECONDS) + 120,
    "retry": int(SLICE_SECONDS) + 180,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": 250,
    "recycle": 1_000_000,  # the watchdog takes a vanished worker for a killed one
}

# Files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [shared_folder("static")]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "nasportal.static_files.PlotlyFinder",
]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {"BACKEND": "nasportal.static_files.HashedStaticFiles"},
}
SHARED_STORAGE: str = env.str("NASPORTAL_STORAGE", default="")
if SHARED_STORAGE:
    STORAGES["shared"] = storage_of(SHARED_STORAGE)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_TEMP_DIR = None
UPLOAD_MAX_BYTES = env.int("NASPORTAL_UPLOAD_MAX_BYTES", default=512 * 2**20)  # of one data set's file
TRUTH_DATA = env.str("NASPORTAL_TRUTH_DATA", default="")
UPLOAD_QUOTA_BYTES = env.int("NASPORTAL_UPLOAD_QUOTA_BYTES", default=4 * 2**30)  # of a project's data sets together

# What is kept. Histories, evaluations and the weights of fronts are never cut.
EVENTS_KEPT: int = env.int("NASPORTAL_EVENTS_KEPT", default=1_000_000)  # rows of all runs together
CHECKPOINT_BYTES_KEPT: int = env.int("NASPORTAL_CHECKPOINT_BYTES_KEPT", default=20 * 2**30)
DISK_RESERVE_BYTES: int = env.int("NASPORTAL_DISK_RESERVE_BYTES", default=200 * 2**20)  # below it runs are paused
AUDIT_DAYS_KEPT: int = env.int("NASPORTAL_AUDIT_DAYS_KEPT", default=365)
EXAMPLE: bool = env.bool("NASPORTAL_EXAMPLE", default=True)
METRICS_TOKEN: str = env.str("NASPORTAL_METRICS_TOKEN", default="")

# People
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]

# Messages to people. Nothing leaves this machine unless one of these, or a user's webhook, asks for it.
EMAIL_URL: str = env.str("EMAIL_URL", default="")
vars().update(env.email_url_config(EMAIL_URL or "dummymail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("NASPORTAL_EMAIL_FROM", default="nas-portal@localhost")
WEBHOOKS_INSIDE: bool = env.bool("NASPORTAL_WEBHOOKS_INSIDE", default=False)
_NAME = ALLOWED_HOSTS[0].lstrip("*.") if ALLOWED_HOSTS else "localhost"
_OWN_ADDRESS = (
    f"https://{_NAME}" if TLS == "proxy" else f"{'https' if TLS else 'http'}://{_NAME}:{env.str('PORT', '8000')}"
)
PUBLIC_ADDRESS: str = env.str("NASPORTAL_ADDRESS", default=_OWN_ADDRESS).rstrip("/")
# Browsers send cookies to every port of a host: two portals on one host must not sign each other's people out.
_PORT = re.search(r":(\d+)$", PUBLIC_ADDRESS)
_SUFFIX = f"_{_PORT[1]}" if _PORT and _PORT[1] != "8000" else ""
SESSION_COOKIE_NAME = f"nasportal_session{_SUFFIX}"
CSRF_COOKIE_NAME = f"nasportal_csrf{_SUFFIX}"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# Programs
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],  # the browsable one needs inline scripts
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "nasportal.accounts.authentication.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": env.str("NASPORTAL_API_RATE", default="12000/min")},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "NAS Portal",
    "DESCRIPTION": "Start searches, follow their events, fetch what was generated.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "nasportal.openapi.describe_faults",
        "searches.api.spec_schema.describe_spec",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RunStatus": "searches.models.status.Status",
        "RepositoryStatus": "codegen.models.RepositoryStatus",
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "nasportal.json_logs.JsonLines"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if env.str("NASPORTAL_LOG", default="") == "json" else "line",
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        name: {"handlers": ["console"], "level": "INFO", "propagate": False}
        for name in ("nasportal", "searches", "codegen", "profiling", "django-q")
    }
    | {"django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}
