"""The files in deploy/: they name what there is."""

import re
from pathlib import Path

import yaml

from tests.support.portal import ROOT

DEPLOY = ROOT / "deploy"
SETTINGS = (ROOT / "nasportal" / "settings.py").read_text()


def test_compose_starts_commands_that_exist_with_settings_that_are_read() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"portal", "worker", "database", "cache"}
    for name in services["portal"]["environment"]:
        assert f'"{name}"' in SETTINGS, f"{name} is no setting"
    assert services["worker"]["command"][-1] == "worker"
    assert services["portal"]["environment"] == services["worker"]["environment"]
    assert (DEPLOY / services["portal"]["build"]["context"] / services["portal"]["build"]["dockerfile"]).is_file()
    named = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert named == set(compose["volumes"])


def test_units_and_image_start_commands_of_the_portal() -> None:
    commands = Path(ROOT, "nasportal", "management", "commands")
    for file in (*DEPLOY.glob("*.service"), DEPLOY / "Dockerfile"):
        found = re.search(r'^(?:ExecStart=\S*|CMD \[")nas-portal"?,? "?(\w+)', file.read_text(), re.MULTILINE)
        assert found, file
        assert (commands / f"{found[1]}.py").is_file()


def test_no_password_is_in_the_files() -> None:
    for file in DEPLOY.iterdir():
        for line in file.read_text().splitlines():
            if re.search(r"(?i)(password|secret_key)\S*\s*[:=]", line) and not line.lstrip().startswith("#"):
                assert "${" in line, line
