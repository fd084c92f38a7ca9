"""Compiles the C source and runs it, for tests and the certificate; writes its weights anew."""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from data import LABELS, Floats
from inference import BackendError, Predict

HERE = Path(__file__).parent
FILE = HERE / "model.c"
FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")


def is_runnable() -> bool:
    return compiler() is not None


def export(data: str | None) -> Path:
    """The source is there; its weights are written anew from weights/model.safetensors."""
    written: Path = import_module(f"exports.{HERE.name}.weights").write()
    return written


def compiler() -> str | None:
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


@cache
def program() -> Path:
    """The compiled program, in a folder that goes when this process ends."""
    found = compiler()
    if found is None:
        raise BackendError("the C source needs a C compiler, and there is none (CC, cc, gcc)")
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "model"
    done = subprocess.run(
        [found, *FLAGS, "main.c", "model.c", "-lm", "-o", str(path)],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackendError(f"the C source does not compile: {done.stderr.strip()[-1000:]}")
    return path


def backend() -> Predict:
    path = program()

    def predict(images: Floats) -> Floats:
        given = np.ascontiguousarray(images, np.float32).tobytes()
        done = subprocess.run([path], input=given, stdout=subprocess.PIPE, check=True)
        return np.frombuffer(done.stdout, np.float32).reshape(len(images), len(LABELS))

    return predict
