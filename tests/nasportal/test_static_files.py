"""Static files under names with a hash: a browser never mixes modules of two versions after an upgrade."""

import re
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from nasportal.static_files import HashedStaticFiles
from searches.templatetags.modules import module


def collected(folder: Path, leaf: str) -> dict[str, str]:
    """The hashed name of each module of a small page: it imports one that imports a leaf."""
    sources = {
        "js/run/page.js": 'import { middle } from "./middle.js";\nmiddle();\n',
        "js/run/middle.js": 'import { leaf } from "../leaf.js";\nexport const middle = leaf;\n',
        "js/leaf.js": leaf,
    }
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    storage, source = HashedStaticFiles(location=folder, base_url="/static/"), FileSystemStorage(folder)
    return {name: new for name, new, _ in storage.post_process({name: (source, name) for name in sources}) if new}


def test_a_changed_module_gives_new_names_to_all_that_import_it(tmp_path: Path) -> None:
    before = collected(tmp_path / "before", "export const leaf = () => 1;\n")
    after = collected(tmp_path / "after", "export const leaf = () => 2;\n")
    for name in before:
        assert before[name] != after[name], name
    page = (tmp_path / "after" / after["js/run/page.js"]).read_text()
    assert Path(after["js/run/middle.js"]).name in page
    middle = (tmp_path / "after" / after["js/run/middle.js"]).read_text()
    assert f"../{Path(after['js/leaf.js']).name}" in middle


def test_every_module_of_ours_is_imported_as_the_storage_understands_it() -> None:
    """Its pattern wants `from "./x.js";` with a semicolon; another spelling would be left without a hash."""
    for path in (Path(__file__).parents[2] / "static" / "js").rglob("*.js"):
        for line in path.read_text().splitlines():
            if line.startswith(("import ", "export {")) and " from " in line:
                assert line.endswith('.js";'), f"{path.name}: {line}"


def test_a_page_names_every_module_that_its_script_imports_before_the_script() -> None:
    head = module("js/run/page.js")
    named = re.findall(r'modulepreload" href="/static/(js/[a-z/-]+)\.js"', head)
    folder = Path(settings.BASE_DIR) / "static"
    runs = {each.relative_to(folder).with_suffix("").as_posix() for each in (folder / "js/run").glob("*.js")}
    assert runs - {"js/run/page"} <= set(named)
    assert {"js/plots/tokens", "js/format"} <= set(named)  # imported by what is imported
    assert len(named) == len(set(named))
    assert head.index("modulepreload") < head.index('type="module"')
