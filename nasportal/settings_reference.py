"""The settings of the portal: every environment variable that the code reads, with its default and what it means.

This is the single source: `settings.py` reads what stands here, `docs/reference/settings.md` is drawn from it, and
tests/docs/test_settings.py compares both with the code.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One environment variable."""

    name: str
    default: str  # in words
    meaning: str
    group: str


def _group(title: str, *rows: tuple[str, str, str]) -> tuple[Setting, ...]:
    return tuple(Setting(name, default, meaning, title) for name, default, meaning in rows)


SETTINGS: tuple[Setting, ...] = (
    *_group(
        "The portal and its address",
        ("PORT", "`8000`", "Port on 127.0.0.1 that `up` listens on."),
        (
            "NASPORTAL_DATA",
            "`var` in a checkout, else the user's own data folder",
            "Data folder: database, secret key, weights, archives, logs. So does `--data`, with every command.",
        ),
        (
            "NASPORTAL_HOSTS",
            "this machine's loopback names",
            "Host names that the portal answers to, separated by commas. Needed before `up --host` opens the portal.",
        ),
        (
            "NASPORTAL_TLS",
            "plain HTTP",
            "`proxy`: a trusted proxy speaks TLS and sets `X-Forwarded-Proto`. `certificate`: the portal speaks TLS.",
        ),
        ("NASPORTAL_TLS_CERTIFICATE", "none", "PEM file of the certificate, for `NASPORTAL_TLS=certificate`."),
        ("NASPORTAL_TLS_KEY", "none", "PEM file of the private key, for `NASPORTAL_TLS=certificate`."),
        (
            "NASPORTAL_ADDRESS",
            "the first of the hosts and `PORT`",
            "What links in e-mails and webhooks begin with. Cookies are named after its port, unless that is 8000.",
        ),
        ("NASPORTAL_EXAMPLE", "`1`", "`0`: a new portal begins without the finished example run."),
        ("NASPORTAL_DEBUG", "off", "`1`: Django's debug pages, for developers."),
    ),
    *_group(
        "Accounts and secrets",
        (
            "NASPORTAL_SECRET_KEY",
            "the file `secret_key` in the data folder",
            "Key of sessions and tokens. Machines that work together need the same key.",
        ),
        ("NASPORTAL_ADMIN_PASSWORD", "a one-time link", "Password of the first account instead of a one-time link."),
        (
            "NASPORTAL_METRICS_TOKEN",
            "administrators only",
            "Bearer token of `/metrics`. Without it only a signed-in administrator reads them.",
        ),
        ("NASPORTAL_API_RATE", "`12000/min`", "Requests of one user to the API."),
        ("NASPORTAL_AUDIT_DAYS_KEPT", "`365`", "Days that a line of the audit log is kept."),
    ),
    *_group(
        "Searches on this machine",
        ("NASPORTAL_RUNS_AT_ONCE", "one per two cores, at most 4", "Searches that run concurrently; the others wait."),
        (
            "NASPORTAL_REPOSITORIES_AT_ONCE",
            "one per four cores and 4 GiB of memory, from 1 to 4",
            "Repositories that this machine generates concurrently. Each kind of work has places of its own and waits "
            "for no other kind.",
        ),
        (
            "NASPORTAL_DATASETS_AT_ONCE",
            "one per four cores and 4 GiB of memory, from 1 to 3",
            "Uploaded datasets that this machine reads concurrently.",
        ),
        (
            "NASPORTAL_REPLAYS_AT_ONCE",
            "one per four cores and 4 GiB of memory, from 1 to 4",
            "Tabular benchmarks that this machine works on concurrently.",
        ),
        ("NASPORTAL_PREVIEWS_AT_ONCE", "`1`", "Previews of built-in datasets that this machine makes concurrently."),
        (
            "NASPORTAL_QUEUED_PER_USER",
            "`100`",
            "Searches, repositories, datasets or tabular benchmarks (each kind for itself) that one user may have "
            "queued or running; at least 20.",
        ),
        ("NASPORTAL_EVALUATORS", "the cores divided by the searches", "Evaluator processes per search, one core each."),
        ("NASPORTAL_DEVICE", "`auto`", "Where evaluators train: `auto` (a GPU if there is one), `cpu`, `cuda`, `mps`."),
        (
            "NASPORTAL_EVALUATORS_PER_GPU",
            "`1`",
            "Evaluators of all searches per GPU: a number, or `memory` (as many as fit its free memory by the spec's "
            "`training_memory_bytes`). A search always gets one, and at most `NASPORTAL_EVALUATORS`.",
        ),
        ("CUDA_VISIBLE_DEVICES", "all GPUs", "NVIDIA's own variable: the GPUs that searches may use."),
        ("NASPORTAL_CACHE_BYTES", "4 GiB", "Size of each project's evaluation cache; `0` turns it off."),
        ("NASPORTAL_LEASE_SECONDS", "`10`", "Time without a heartbeat after which another supervisor may take a run."),
        ("NASPORTAL_HEARTBEAT_SECONDS", "`2`", "Time between two heartbeats of a supervisor."),
        ("NASPORTAL_SLICE_SECONDS", "`600`", "Time after which a run gives its place to the next one in the queue."),
        (
            "NASPORTAL_TRUTH_DATA",
            "none",
            "Folder of tabular benchmarks (`.csv`, `.csv.gz`) that the page of tabular benchmarks offers.",
        ),
        (
            "NASPORTAL_EXTRAS",
            "`.extras`",
            "Folder in which `make extra` makes the environments of optional frameworks.",
        ),
    ),
    *_group(
        "Uploads and what is kept",
        ("NASPORTAL_UPLOAD_MAX_BYTES", "512 MiB", "Largest uploaded file."),
        ("NASPORTAL_UPLOAD_QUOTA_BYTES", "4 GiB", "All uploads of a project together."),
        ("NASPORTAL_EVENTS_KEPT", "1,000,000 rows", "Events of all runs together; beyond it the oldest runs are cut."),
        ("NASPORTAL_CHECKPOINT_BYTES_KEPT", "20 GiB", "Weights of all runs together; fronts are never cut."),
        (
            "NASPORTAL_DISK_RESERVE_BYTES",
            "200 MiB",
            "With less free disk space, runs are paused; they continue by themselves when there is room again.",
        ),
    ),
    *_group(
        "Beyond one machine",
        ("DATABASE_URL", "SQLite in the data folder", "PostgreSQL, such as `postgres://nas@127.0.0.1:5432/nas`."),
        ("REDIS_URL", "the memory of the process", "Cache, and channel layer that nudges live views."),
        ("RAY_ADDRESS", "this machine", "Ray cluster that evaluates candidates (extra `ray`)."),
        (
            "NASPORTAL_STORAGE",
            "the data folder is shared",
            "`s3://bucket/prefix?endpoint=https://…` (extra `s3`) or the path of a mounted folder, for machines that "
            "share no data folder.",
        ),
        ("AWS_ACCESS_KEY_ID", "none", "Key of the bucket; read by boto3."),
        ("AWS_SECRET_ACCESS_KEY", "none", "Secret of the bucket; read by boto3."),
    ),
    *_group(
        "Messages and logs",
        ("EMAIL_URL", "no e-mail is sent", "SMTP server: `smtp+tls://user:password@mail.example.org:587`."),
        ("NASPORTAL_EMAIL_FROM", "`nas-portal@localhost`", "Sender of e-mails."),
        ("NASPORTAL_WEBHOOKS_INSIDE", "off", "`1`: webhooks may lead to addresses inside this network."),
        ("NASPORTAL_LOG", "plain lines", "`json`: one JSON object per log line, with the run."),
    ),
    *_group(
        "Installation",
        ("TORCH_INDEX_URL", "as pip is configured", "Package index from which `make install` takes torch."),
    ),
)
# Read, but not by an operator: the fault injection of the tests arms crash points, a portal disarms them.
FOR_TESTS = ("NASPORTAL_CRASH_FOLDER", "NASPORTAL_CRASH_POINT")
