"""The plan of the house: folders that one can take in at a glance, and import contracts that no package escapes."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = PROJECT["tool"]["importlinter"]["root_packages"]
AT_MOST = 20
# Registries: their files are their entries, and the more the better. bench has a file per question.
REGISTRIES = {
    "architectures/operations",
    "architectures/spaces",
    "codegen/frameworks",
    "codegen/passes",
    "profiling/targets",
    "searches/algorithms",
    "searches/evaluation/datasets",
    "searches/objectives",
}


def modules_by_folder() -> dict[str, int]:
    """How many modules each folder of the packages and of the tests holds, without those in folders below it."""
    counts: dict[str, int] = {}
    for package in (*PACKAGES, "tests"):
        for path in (ROOT / package).rglob("*.py"):
            folder = path.parent.relative_to(ROOT).as_posix()
            counts[folder] = counts.get(folder, 0) + (path.name != "__init__.py")
    return counts


def test_no_folder_holds_more_modules_than_one_can_take_in() -> None:
    full = {folder: n for folder, n in modules_by_folder().items() if n > AT_MOST and folder not in REGISTRIES}
    assert full == {}, f"at most {AT_MOST} modules in a folder: give some of them a room of their own"


def test_each_registry_named_here_is_a_folder() -> None:
    assert sorted(REGISTRIES - modules_by_folder().keys()) == []


def test_every_package_is_under_the_import_contracts() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "docs"}
    assert found == set(PACKAGES)


def test_layers_within_a_package_are_complete() -> None:
    contracts = [contract for contract in PROJECT["tool"]["importlinter"]["contracts"] if "containers" in contract]
    assert contracts
    assert [contract["name"] for contract in contracts if contract.get("exhaustive") is not True] == []


def test_no_module_is_called_like_a_test() -> None:
    named = [path for package in PACKAGES for path in (ROOT / package).rglob("test_*.py")]
    assert [path for path in named if "skeletons" not in path.parts] == []
