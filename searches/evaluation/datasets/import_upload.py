"""``python -m searches.evaluation.datasets.import_upload SOURCE --portrait FOLDER [--into FOLDER --name NAME]``

Reads what a stranger sent, in a process of its own: a decoder that fails, or takes all memory, takes nobody with it.
The last line on stdout is {"card": …} or {"reason": …}.
"""

import argparse
import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from searches.evaluation.datasets.dataset import DataSetError
from searches.evaluation.datasets.preview import write_preview
from searches.evaluation.datasets.reading.limits import MAX_ARRAY_BYTES
from searches.evaluation.datasets.registry import open as open_dataset
from searches.evaluation.datasets.stored import write

MOST_BYTES = 4 * MAX_ARRAY_BYTES  # decoded pictures, their stack, and what is between


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m searches.evaluation.datasets.import_upload", description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--portrait", type=Path, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--name")
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    try:
        dataset = open_dataset(options.source)
        if options.name:
            dataset = replace(dataset, name=options.name, source=f"uploaded as {options.name}")
        if options.into:
            write(dataset, options.into)
        write_preview(dataset, options.portrait)
    except DataSetError as error:
        return told({"reason": str(error)}, 2)
    except MemoryError:
        return told({"reason": "it needs more memory than an upload may take; use smaller or fewer images"}, 2)
    except OSError as error:
        return told({"reason": f"it cannot be stored: {error.strerror or error}"}, 2)
    return told({"card": dataset.card()}, 0)


def told(document: dict[str, object], code: int) -> int:
    print(json.dumps(document, allow_nan=False))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
