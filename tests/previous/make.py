"""`python -m tests.previous.make` wrote all that is kept here.

It was run at commit e071ec0, before the modules were moved, and is kept for the record: run later, it would write down
what the tests are to find out.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from searches.engine.hardware import machine
from searches.presets import PRESETS
from searches.spec import SearchSpec
from tests.previous import documents, packing, searched, trained
from tests.previous.process import told


def main() -> int:
    for made in (write_documents, write_histories, write_hashes, write_data):
        print(made.__name__, file=sys.stderr)
        made()
    return 0


def write_documents() -> None:
    presets = {name: preset.document for name, preset in PRESETS.items()}
    for folder, found in ((documents.PRESETS, presets), (documents.DOCUMENTS, documents.FURTHER)):
        folder.mkdir(exist_ok=True)
        for name, document in found.items():
            write(folder / f"{name}.json", SearchSpec.from_document(document).to_document())


def write_histories() -> None:
    searched.HISTORIES.mkdir(exist_ok=True)
    for name in searched.KEPT:
        searched.kept_at(name).write_text(searched.case_history(name).text, encoding="utf-8")


def write_hashes() -> None:
    formula = {name: searched.case_history(name).sha256 for name in searched.FORMULA}
    control = {searched.CONTROL: searched.control_history().sha256}
    hashes = {"formula": formula | control, "trained": {"machine": machine(), "hashes": trained_hashes()}}
    write(searched.HASHES, hashes)


def trained_hashes() -> dict[str, str]:
    with TemporaryDirectory() as folder:
        return {name: trained.trained(name, Path(folder) / name) for name in trained.TRAINED}


def write_data() -> None:
    with TemporaryDirectory() as folder:
        write(packing.FACTS, told("write", Path(folder)))
        packing.pack(Path(folder))


def write(path: Path, document: Any) -> None:
    path.write_text(documents.text(document), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
