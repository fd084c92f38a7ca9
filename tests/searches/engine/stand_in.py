"""An evaluator that speaks the protocol without torch; a job's seed says how it behaves."""

import argparse
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

DIES, HANGS, ERRS, DIES_ONCE = 1, 2, 3, 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages-fd", type=int)
    parser.add_argument("--parent", type=int)
    parser.add_argument("--memory-limit-bytes", type=int)
    parser.add_argument("--never-ready", action="store_true")
    options = parser.parse_args()
    if options.never_ready:
        raise SystemExit(7)
    with os.fdopen(options.messages_fd, "w", buffering=1) as messages:
        messages.write(json.dumps({"type": "ready"}) + "\n")
        while line := input_line():
            for document in answers(json.loads(line)):
                messages.write(json.dumps(document) + "\n")


def input_line() -> str:
    try:
        return input()
    except EOFError:
        return ""


def answers(job: dict[str, Any]) -> list[dict[str, Any]]:
    marker = Path(job["folder"]) / f"died-{job['number']}"
    if job["seed"] == DIES or (job["seed"] == DIES_ONCE and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if job["seed"] == HANGS:
        time.sleep(600)
    same = {"number": job["number"], "fidelity": job["fidelity"]}
    if job["seed"] == ERRS:
        return [{"type": "error", **same, "reason": "ValueError: broken", "traceback": "Traceback …"}]
    progress = {"epoch": 1, "epochs": 1, "loss": 0.5, "accuracy": 0.9, "seconds_left": 0.0}
    result = {"kind": job["kind"], "status": "done", "reason": "", "values": {"accuracy": 0.9}, "details": {}}
    rest = {"seconds": 0.1, "cost": 1, "curve": [], "files": {}}
    return [{"type": "progress", **same, **progress}, {"type": "result", **same, **result, **rest}]


if __name__ == "__main__":
    main()
