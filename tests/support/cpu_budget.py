"""Keeps the fast tier fast: counts each test's CPU seconds, and with ``--budget`` fails a run that spends too many.

Counted are this process and the children that it has waited for, in setup, call and teardown. Imports inside this
process are not charged to the test that happens to be the first, and neither are fixtures that several tests share.
A test marked ``chain(seconds=…)`` stands for a dear chain in the fast tier and has a budget of its own.
"""

import builtins
import importlib
import json
import os
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

EACH_SECONDS = 2.0
ALL_SECONDS = 600.0
SHOWN = 12


def spent() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Imports:
    """CPU seconds that went into importing modules in this process."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.depth = 0

    def watch(self) -> None:
        builtins.__import__ = self.counted(builtins.__import__)
        importlib.import_module = self.counted(importlib.import_module)

    def counted(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def importing(*args: Any, **kwargs: Any) -> Any:
            if self.depth:
                return original(*args, **kwargs)
            self.depth, began = 1, time.process_time()
            try:
                return original(*args, **kwargs)
            finally:
                self.depth = 0
                self.seconds += time.process_time() - began

        return importing


class Counting:
    """In each process that runs tests: what the present test has spent by itself."""

    def __init__(self) -> None:
        self.imports = Imports()
        self.imports.watch()
        self.began = self.shared = 0.0
        self.before_teardown: float | None = None
        self.ends_shared = False

    def own(self) -> float:
        return max(0.0, spent() - self.imports.seconds - self.shared - self.began)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self.began, self.shared, self.ends_shared = spent() - self.imports.seconds, 0.0, False
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        if fixturedef.scope == "function":
            return (yield)
        before = self.own()
        try:
            return (yield)
        finally:
            self.shared += self.own() - before

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        self.ends_shared |= fixturedef.scope != "function"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, Any, Any]:
        self.before_teardown = self.own()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
        if call.when == "teardown":
            used = self.before_teardown if self.ends_shared and self.before_teardown is not None else self.own()
            item.user_properties.append(("cpu", (round(used, 3), budget_of(item), round(self.shared, 3))))
        return (yield)


def budget_of(item: pytest.Item) -> float | None:
    """CPU seconds that a test may spend; None where it is in the slow tier."""
    chain = item.get_closest_marker("chain")
    if chain is not None:
        return float(chain.kwargs["seconds"])
    return None if item.get_closest_marker("slow") else EACH_SECONDS


class Judging:
    """In the process that reports: who spent what, and whether that is within the budget."""

    def __init__(self, config: pytest.Config) -> None:
        self.is_judge = bool(config.getoption("budget"))
        self.tests: dict[str, tuple[float, float | None]] = {}
        self.shared = 0.0
        self.faults: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == "cpu" and report.when == "teardown":
                used, most, shared = value  # type: ignore[misc]  # a tuple, or a list that came from a worker
                self.tests[report.nodeid] = used, most
                self.shared += shared

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self.is_judge or not self.tests:
            return
        self.faults = [
            f"{name} took {used:.1f} CPU seconds, and may take {most:g}: mark it slow, or make it quicker"
            for name, (used, most) in self.tests.items()
            if most is not None and used > most
        ]
        if (total := self.total) > ALL_SECONDS:
            self.faults.append(f"all tests together took {total:.0f} CPU seconds, and may take {ALL_SECONDS:g}")
        if self.faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @property
    def total(self) -> float:
        return self.shared + sum(used for used, _ in self.tests.values())

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        if not self.tests:
            return
        cache = getattr(config, "cache", None)  # absent under -p no:cacheprovider
        folder = cache.mkdir("cpu") if cache else None
        if folder is not None:
            (folder / "tests.json").write_text(json.dumps(self.tests, indent=1, sort_keys=True))
        dearest = sorted(self.tests.items(), key=lambda each: -each[1][0])[:SHOWN]
        said = f"{self.total:.0f} CPU seconds in {len(self.tests)} tests, {self.shared:.0f} of them in shared fixtures"
        terminalreporter.write_line(f"{said}; the dearest:")
        for name, (used, _) in dearest:
            terminalreporter.write_line(f"{used:8.1f}  {name}")
        for fault in self.faults:
            terminalreporter.write_line(f"OVER BUDGET: {fault}", red=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--budget", action="store_true", help="fail where tests of the fast tier take too many CPU seconds"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counting(), "cpu-counting")
    if not hasattr(config, "workerinput"):  # the process that reports, with xdist or without
        config.pluginmanager.register(Judging(config), "cpu-judging")
