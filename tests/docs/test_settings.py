"""One table of settings: what the code reads stands in it, and what stands in it is read."""

import re

from nasportal.settings_reference import FOR_TESTS, SETTINGS
from tests.docs.blocks import DOCS, ROOT, texts

PACKAGES = ("nasportal", "searches", "codegen", "profiling", "architectures")
READ = re.compile(r"""["'](NASPORTAL_[A-Z_]+|[A-Z]+_URL|RAY_ADDRESS|TORCH_INDEX_URL|CUDA_VISIBLE_DEVICES|PORT)["']""")
BY_OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # boto3 reads them
NO_SETTING = {"STATIC_URL", "LOGIN_URL"}  # names of Django's


def read() -> set[str]:
    """The environment variables that the packages name, apart from the table itself."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    sources = [path.read_text("utf-8") for path in paths if path.name != "settings_reference.py"]
    return {name for source in sources for name in READ.findall(source)} - NO_SETTING


def test_each_setting_stands_in_the_table_and_is_read() -> None:
    names = [each.name for each in SETTINGS]
    assert len(names) == len(set(names))
    assert set(names) | set(FOR_TESTS) == read() | BY_OTHERS


def test_each_setting_says_its_default_and_ends_its_meaning() -> None:
    assert [each.name for each in SETTINGS if not each.default or not each.meaning.endswith(".")] == []


def test_each_setting_stands_in_the_reference() -> None:
    text = (DOCS / "reference/settings.md").read_text("utf-8")
    assert [each.name for each in SETTINGS if f"| `{each.name}` |" not in text] == []


def test_no_page_names_a_setting_that_there_is_not() -> None:
    known = {each.name for each in SETTINGS} | set(FOR_TESTS) | {"NASPORTAL_TOKEN"}  # of the tutorial's own program
    named = {name for text in texts().values() for name in re.findall(r"\bNASPORTAL_[A-Z_]+[A-Z]", text)}
    assert {name for name in named - known if not name.startswith("NASPORTAL_BENCH_")} == set()
