"""The project as a whole: what it imports, what production settings are, which headers a page has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "NASPORTAL_HOSTS": "nas.example.org",
    "NASPORTAL_TLS": "proxy",
    "NASPORTAL_SECRET_KEY": "k" * 10 + "".join(map(str, range(40))),
}


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, env=plain | environment, capture_output=True, text=True, timeout=120
    )


def test_the_web_process_does_not_import_torch() -> None:
    heavy = run(
        "-c", "import nasportal.asgi, sys; print([m for m in ('torch', 'sklearn', 'onnx') if m in sys.modules])"
    )
    assert heavy.stdout == "[]\n", heavy.stderr


def test_the_tasks_do_not_import_torch() -> None:
    modules = "searches.tasks, searches.supervision.reaper, sys"
    code = f"import django; django.setup(); import {modules}; print('torch' in sys.modules)"
    tasks = run("-c", code, DJANGO_SETTINGS_MODULE="nasportal.settings")
    assert tasks.stdout == "False\n", tasks.stderr


def test_production_settings_pass_djangos_deployment_checks() -> None:
    checked = run("manage.py", "check", "--deploy", "--fail-level", "INFO", **PRODUCTION)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_no_place_to_crash_is_left_in_the_portal() -> None:
    code = "import django, os; django.setup(); print('NASPORTAL_CRASH_POINT' in os.environ)"
    settings = {"DJANGO_SETTINGS_MODULE": "nasportal.settings", "NASPORTAL_CRASH_POINT": "claimed:1"}
    assert run("-c", code, **settings).stdout == "False\n"


def test_a_wrong_tls_setting_is_named() -> None:
    refused = run("manage.py", "check", NASPORTAL_TLS="yes")
    assert "NASPORTAL_TLS must be 'proxy', 'certificate' or empty, but is 'yes'." in refused.stderr


def test_settings_read_and_make_nothing(tmp_path: Path) -> None:
    data = tmp_path / "var"
    shown = run("-c", "from nasportal.settings import SECRET_KEY; print(len(SECRET_KEY))", NASPORTAL_DATA=str(data))
    assert int(shown.stdout) > 50
    assert not data.exists()


def test_every_model_change_has_its_migration() -> None:
    missing = run("manage.py", "makemigrations", "--check", "--dry-run")
    assert missing.returncode == 0, missing.stdout


@pytest.mark.slow
def test_doctor_tells_versions_torch_build_and_folders(tmp_path: Path) -> None:
    examined = run("manage.py", "doctor", "--json", NASPORTAL_DATA=str(tmp_path / "var"))
    document = json.loads(examined.stdout)
    assert examined.returncode == 0, document["faults"]
    assert document["torch"]["version"].startswith("2.")
    assert "cpu" in document["torch"]["devices"]
    assert document["folders"][str(tmp_path / "var")] is True
    assert document["database"] == "sqlite, not made yet"
    assert not (tmp_path / "var").exists()


@pytest.mark.slow
def test_doctor_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    examined = run("manage.py", "doctor", NASPORTAL_DATA=str(tmp_path / "file" / "var"))
    assert examined.returncode == 2
    assert f"{tmp_path}/file/var cannot be written." in examined.stderr


def test_pages_forbid_foreign_hosts_and_inline_scripts(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["img-src"] == "'self' data: blob:"
    assert rules["frame-ancestors"] == "'none'"
    assert "http" not in policy


@pytest.mark.django_db
def test_a_missing_page_says_so_in_a_sentence_and_in_json_below_the_api(client: Client) -> None:
    page = client.get("/no/such/page/")
    assert page.status_code == 404
    assert "Page not found" in page.content.decode()
    answer = client.get("/api/v1/no/such/thing/")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("Page not found.")


@pytest.mark.django_db
def test_it_is_not_ready_while_the_data_folder_cannot_be_written(
    client: Client, tmp_path: Path, settings: object
) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    assert client.get("/readyz").json() == {"status": "ok"}
    settings.DATA_DIR = tmp_path / "missing"  # type: ignore[attr-defined]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "data": "cannot be written"}
