"""`python -m bench [NAME …]`: runs every module here that has `run() -> dict`; results in bench-results/."""

import importlib
import json
import os
import pkgutil
import sys
import time
from pathlib import Path

# One thread, before torch is imported: two are many times slower on a busy machine.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

RESULTS = Path(__file__).parent.parent / "bench-results"


def main(wanted: list[str]) -> int:
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "__main__"]
    if unknown := set(wanted) - set(names):
        print(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(names)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    found = {}
    for name in wanted or names:
        module = importlib.import_module(f"bench.{name}")
        if not hasattr(module, "run"):
            continue
        print(f"{name} …", file=sys.stderr)
        started = time.perf_counter()
        found[name] = {**module.run(), "seconds": round(time.perf_counter() - started, 1)}
        (RESULTS / f"{name}.json").write_text(json.dumps(found[name], indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
