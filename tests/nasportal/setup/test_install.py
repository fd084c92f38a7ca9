"""`make install`: what it refuses, what it warns of, and that a second call does nothing."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from nasportal.setup import install

ROOT = Path(__file__).resolve().parents[3]


def test_an_old_python_is_refused_in_one_sentence() -> None:
    with pytest.raises(install.Refused) as refused:
        install.demand_python((3, 9, 2), "/usr/bin/python3")
    assert str(refused.value) == (
        "NAS Portal needs Python 3.11 or newer, but /usr/bin/python3 is 3.9.2: name a newer one, "
        "`make PYTHON=python3.11 run`."
    )


def test_this_python_is_taken() -> None:
    install.demand_python((3, 11, 0), "python3.11")
    install.demand_python((3, 13, 1), "python3.13")


def test_cuda_libraries_are_found_in_pips_report() -> None:
    def item(name: str) -> dict[str, object]:
        return {"metadata": {"name": name}, "download_info": {"url": f"file:///{name}.whl"}}

    report = {"install": [item("torch"), item("nvidia-cublas"), item("cuda-bindings"), item("sympy")]}
    assert install.cuda_downloads(report) == ["file:///nvidia-cublas.whl", "file:///cuda-bindings.whl"]


def test_the_warning_says_how_much_comes_and_the_way_out() -> None:
    warning = install.cuda_warning(14, 2_640_000_000)
    assert "brings 14 CUDA libraries (2.6 GB), and this machine has no NVIDIA driver" in warning
    assert "make install TORCH_INDEX_URL=…" in warning
    assert "(several GB)" in install.cuda_warning(14, 0)


def test_the_size_is_unknown_where_one_server_does_not_tell(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"x" * 1000)
    assert install.total_size([wheel.as_uri(), wheel.as_uri()]) == 2000
    assert install.total_size([wheel.as_uri(), (tmp_path / "missing.whl").as_uri()]) == 0


def test_what_is_wanted_changes_with_the_index_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_INDEX_URL", raising=False)
    plain = install.wanted(install.BASE)
    assert install.wanted(install.BASE) == plain
    monkeypatch.setenv("TORCH_INDEX_URL", "https://example.org/cpu")
    assert install.wanted(install.BASE) != plain


def test_requirements_are_those_of_pyproject() -> None:
    base, everything = install.requirements(install.BASE), install.requirements(install.EVERYTHING)
    assert set(base) < set(everything)
    assert {"torch==2.13.0", "ruff", "pytest"} <= set(base)  # the gate formats with ruff and runs pytest
    assert {"pytest-django", "mypy", "psycopg[binary]"} <= set(everything) - set(base)


@pytest.mark.slow
@pytest.mark.parametrize("python", ["python3.12", "python3.13", "python3.14"])
def test_the_source_compiles_with_each_python_that_is_present(python: str, tmp_path: Path) -> None:
    """Its packages are not installed for that Python: what this shows is the syntax, and no more."""
    if shutil.which(python) is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"there is no {python} here")
    packages = ("nasportal", "searches", "codegen", "profiling", "architectures")
    command = [python, "-W", "error::SyntaxWarning", "-m", "compileall", "-q", *packages]
    compiled = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)})
    assert compiled.returncode == 0


def test_make_names_an_old_python(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 'this stands for an old Python' >&2\nexit 2\n")
    old.chmod(0o755)
    made = subprocess.run(["make", "install", f"PYTHON={old}"], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 2


@pytest.mark.skipif(
    install.read(install.STAMP) != install.wanted(install.EVERYTHING), reason="`make install` has something to do"
)
def test_a_second_install_takes_a_moment() -> None:
    began = time.monotonic()
    assert subprocess.run(["make", "install"], cwd=ROOT).returncode == 0
    assert time.monotonic() - began < 5
