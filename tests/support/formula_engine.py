"""The engine's process, but values by a formula instead of trainings: `python -m tests.support.formula_engine`."""

import sys
import time
from typing import Any

from searches.engine import __main__ as engine
from searches.engine.executors.executor import Message
from tests.support.formula import FormulaExecutor

COMMAND = (sys.executable, "-m", "tests.support.formula_engine")


class UnhurriedExecutor(FormulaExecutor):
    """Slow enough for a supervisor to see what is half done."""

    def receive(self, timeout: float) -> Message | None:
        time.sleep(0.02)
        return super().receive(timeout)


def executor_for(spec: Any, workers: int) -> UnhurriedExecutor:
    return UnhurriedExecutor()


if __name__ == "__main__":
    engine.executor_for = executor_for
    raise SystemExit(engine.main())
