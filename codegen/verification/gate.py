"""The gate before the download: a repository in a folder is examined; it ships only if every check passes."""

import ast
import json
import os
import re
import runpy
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.ir.json import loads
from codegen.repository_request import RepositoryRequest
from codegen.sources.dockerfile import faults
from codegen.sources.repository import configuration
from codegen.sources.tree import SourceTree

if TYPE_CHECKING:
    from torch import nn

EQUAL = 1e-6  # times the scale of the logits: the printed network and the searched one
TESTS_SECONDS = 600
PLACES = re.compile(rb"(?<![\w.:/-])/(?:home|root|tmp|Users|private|mnt|srv|workspace)/[\w./-]+")
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")


@dataclass(frozen=True)
class Check:
    """One check and what it found; the detail of a failed one says what is wrong."""

    name: str
    passed: bool
    detail: str = ""


class Fault(Exception):
    """What a check found wrong."""


@dataclass(frozen=True)
class Gate:
    """A repository's folder, the request it answers, and the searched network with its weights as torch runs it."""

    folder: Path
    request: RepositoryRequest
    graph: Graph
    reference: "nn.Module"

    def checks(self) -> dict[str, Callable[[], str]]:
        return {
            "sources compile": self.compiles,
            "ruff": self.is_clean,
            "no absolute path, no pickle": self.is_portable,
            "Dockerfile": self.can_be_built,
            "architecture and configuration": self.says_what_was_asked,
            "weights and logits": self.computes_the_same,
            "exports": self.exports_agree,
            "own tests": self.tests_pass,
        }

    def examine(self, *, without: tuple[str, ...] = ()) -> Iterator[Check]:
        for name, check in self.checks().items():
            if name not in without:
                yield outcome(name, check)

    def tree(self) -> SourceTree:
        return SourceTree.read(self.folder)

    def compiles(self) -> str:
        """Compiles every Python file. Raises Fault where one is no Python."""
        sources = {path: text for path, text in self.tree().files.items() if path.endswith(".py")}
        for path, text in sources.items():
            try:
                compile(ast.parse(text, path), path, "exec")
            except (SyntaxError, ValueError) as error:
                raise Fault(f"{path} is no Python: {error}") from error
        return f"{len(sources)} files"

    def is_clean(self) -> str:
        """Checks lint and format with ruff. Raises Fault where ruff complains."""
        for arguments in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
            done = run([sys.executable, "-m", "ruff", *arguments, "."], self.folder, 60)
            if done.returncode:
                raise Fault(tail(done.stdout + done.stderr))
        return "check and format"

    def is_portable(self) -> str:
        """Searches all files for paths of this machine and for pickles. Raises Fault where it finds one."""
        # A name that looks like a path is the user's own affair.
        told = json.dumps([self.request.name, self.request.author, dict(self.request.data)], ensure_ascii=False)
        here = {str(self.folder.resolve()), str(Path.home()), sys.prefix, os.getcwd()} - {"/"}
        for path, content in self.tree().files.items():
            for name, part in members(path, content):
                found = [place for place in here if place.encode() in part]
                found += [place.decode() for place in PLACES.findall(part)]
                if foreign := [place for place in found if place not in told]:
                    raise Fault(f"{name} holds the path {foreign[0]}")
                if (name.endswith(PICKLES) and part) or (
                    part[:1] == b"\x80" and part[-1:] == b"." and part[1:2] <= b"\x05"
                ):
                    raise Fault(f"{name} is a pickle")
        return f"{len(self.tree().files)} files"

    def can_be_built(self) -> str:
        """Checks the Dockerfile. Raises Fault where it names what is missing, has no tag or runs as root."""
        tree = self.tree()
        if found := faults(tree.text("Dockerfile"), tree.files.keys()):
            raise Fault("; ".join(found))
        return "its sources are here, its image has a tag, it does not run as root"

    def says_what_was_asked(self) -> str:
        """Compares the stored architecture and configuration with the request. Raises Fault where they differ."""
        stored = loads((self.folder / "architecture.json").read_text(encoding="utf-8"))
        if fingerprint(stored) != fingerprint(self.graph):
            raise Fault("architecture.json is another network")
        written = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        wanted = json.loads(json.dumps(configuration(self.request, self.graph)))
        wrong = sorted(key for key in wanted.keys() | written.keys() if wanted.get(key) != written.get(key))
        if wrong:
            raise Fault(f"config.json has another {', '.join(wrong)} than requested")
        return "as requested"

    def computes_the_same(self) -> str:
        """Compares the printed network with the searched one, in training and in inference.

        Raises Fault where they differ.
        """
        import torch
        from safetensors.torch import load_file

        model = runpy.run_path(str(self.folder / "model.py"))["Model"]()
        weights = load_file(self.folder / "weights" / "model.safetensors")
        expected = {name: tensor.shape for name, tensor in self.reference.state_dict().items()}
        for names, owner in ((model.state_dict(), "model.py"), (weights, "the weight file")):
            wrong = sorted({*names} ^ {*expected}) or [n for n in expected if names[n].shape != expected[n]]
            if wrong:
                raise Fault(f"{owner} and the searched network differ in {wrong[0]}")
        model.load_state_dict(weights)
        images = torch.randn((8, *self.graph.input_shape), generator=torch.Generator().manual_seed(1))
        worst = 0.0
        for training in (False, True):
            ours, theirs = (answers(module, images, training) for module in (model, self.reference))
            for name, expected_values in theirs.items():
                scale = max(1.0, float(expected_values.abs().max()))
                difference = float((ours[name] - expected_values).abs().max()) / scale
                worst = max(worst, difference)
                if not difference <= EQUAL:
                    when = "in training" if training else "in inference"
                    raise Fault(f"{name} differs by {difference:.3g} {when}; at most {EQUAL:g} is allowed")
        return f"bijection, strict load, largest difference {worst:.2g}"

    def exports_agree(self) -> str:
        """Reads the certificate of the exports. Raises Fault where one failed."""
        document = json.loads((self.folder / "consistency.json").read_text(encoding="utf-8"))
        failed = [row["name"] for row in document["artefacts"] if row["verdict"] != "passed"]
        if failed or document["verdict"] != "passed":
            raise Fault(f"the certificate says that {', '.join(failed) or 'it'} failed")
        return ", ".join(row["name"] for row in document["artefacts"])

    def tests_pass(self) -> str:
        """Runs the repository's own tests. Raises Fault where they fail or take too long."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error::DeprecationWarning"]
        done = run(command, self.folder, TESTS_SECONDS)
        if done.returncode:
            raise Fault(tail(done.stdout + done.stderr))
        return done.stdout.strip().rpartition("\n")[2].strip("= ")


def outcome(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except Fault as fault:
        return Check(name, False, str(fault))
    except Exception as error:  # the repository's own code runs here: whatever it raises is its fault
        traceback.print_exc()
        return Check(name, False, f"{type(error).__name__}: {error}")


def answers(module: "nn.Module", images: Any, training: bool) -> dict[str, Any]:
    """Logits and, in training, the statistics that the pass leaves behind: they show a wrong momentum."""
    import copy

    import torch

    module = copy.deepcopy(module).train(training)
    torch.manual_seed(0)  # dropout
    with torch.no_grad():
        found = {"logits": module(images)}
    if training:
        found |= {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
    return found


def members(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, and what is packed in it."""
    yield path, content
    if content[:4] == b"PK\x03\x04":
        import io

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f"{path}:{name}", archive.read(name)


def run(command: list[str], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Runs a command in the repository, without our environment: the repository has to work alone.

    Raises Fault where the command takes longer than `seconds`.
    """
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
    }
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(
            command, cwd=folder, env=kept | quiet, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Fault(f"{' '.join(command[2:4])} took more than {seconds:g} s") from error


def tail(text: str, characters: int = 2000) -> str:
    return text.strip()[-characters:]
