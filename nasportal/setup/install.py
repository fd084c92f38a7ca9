"""`make base`: the folder .venv with all that `make run` needs; `make install` adds what tests and checks need.

Runs before anything is installed, perhaps with an old Python: standard library only, and no syntax newer than 3.6.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from typing import Any, Dict, List, Sequence

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed")
CONSTRAINTS = os.path.join(ROOT, "constraints.txt")
OLDEST = (3, 11)
BASE, EVERYTHING = "base", "install"  # what the Makefile calls them
CUDA_PACKAGES = ("nvidia-", "cuda-")


class Refused(Exception):
    """The reason why nothing can be installed, in one sentence."""


def main(level: str = EVERYTHING) -> int:
    """Exit code 0 when .venv is complete, 2 where it cannot be made. The base is a part of everything."""
    try:
        demand_python(sys.version_info[:3], sys.executable)
        if read(STAMP) in (wanted(level), wanted(EVERYTHING)) and os.path.exists(PYTHON):
            return 0
        make_venv()
        warn_of_cuda()
        install(level)
    except Refused as refusal:
        sys.stderr.write("%s\n" % refusal)
        return 2
    with open(STAMP, "w") as stamp:
        stamp.write(wanted(level))
    what = "Everything" if level == EVERYTHING else "All that the portal needs"
    sys.stderr.write("%s is installed in %s.\n" % (what, VENV))
    return 0


def demand_python(version: Sequence[int], executable: str) -> None:
    """Refuses a Python that is too old. Raises Refused where it is."""
    if tuple(version) < OLDEST:
        shown = ".".join(str(part) for part in version)
        raise Refused(
            "NAS Portal needs Python 3.11 or newer, but %s is %s: name a newer one, `make PYTHON=python3.11 run`."
            % (executable, shown)
        )


def wanted(level: str) -> str:
    """Changes whenever something else would be installed."""
    parts = [sys.version, index_of_torch(), VENV, read(CONSTRAINTS), *requirements(level)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read(path: str) -> str:
    """The file's text; empty where there is no file."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def index_of_torch() -> str:
    """The index to take torch from; empty for what pip is configured to use."""
    return os.environ.get("TORCH_INDEX_URL", "")


def make_venv() -> None:
    """Makes a venv of this Python; one of another Python, or a broken one, is made anew.

    Raises Refused where venv fails.
    """
    if os.path.exists(PYTHON):
        probe = [PYTHON, "-c", "import sys, pip; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(probe, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
        if answer.stdout.strip() == "%d.%d" % sys.version_info[:2]:
            return
    sys.stderr.write("Making %s …\n" % VENV)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV])
    if made.returncode:
        raise Refused("%s -m venv failed: on Debian and Ubuntu, install python3-venv first." % sys.executable)


def requirements(level: str) -> List[str]:
    """Returns what pyproject.toml asks for; with everything also what tests and checks need."""
    import tomllib

    project = tomllib.loads(read(os.path.join(ROOT, "pyproject.toml")))["project"]
    further = project["optional-dependencies"]["dev"] if level == EVERYTHING else []
    return [*project["dependencies"], *further]


def pip_install(arguments: List[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """`pip install` as pip is configured on this machine, with our constraints."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", CONSTRAINTS]
    if index_of_torch():
        # A local label (+cpu, +cu130) sorts above the plain version, so the named index wins for torch only.
        command += ["--extra-index-url", index_of_torch()]
    return subprocess.run(command + arguments, **options)


def install(level: str) -> None:
    """Installs what the level names, at the versions of constraints.txt. Raises Refused where pip fails."""
    sys.stderr.write("Installing what pyproject.toml names, at the versions of constraints.txt …\n")
    if pip_install(["--quiet", *requirements(level)]).returncode:
        raise Refused(
            "pip could not install everything; its message is above. Fix that, then run `make %s` again." % level
        )


def warn_of_cuda() -> None:
    """Says what comes before it comes, where gigabytes of CUDA libraries would be of no use."""
    if has_driver():
        return
    torch = [line for line in requirements(BASE) if line.startswith("torch==")]
    dry = ["--quiet", "--dry-run", "--report", "-", *torch]
    answer = pip_install(dry, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
    if answer.returncode:
        return  # the installation itself will say why
    urls = cuda_downloads(json.loads(answer.stdout))
    if urls:
        sys.stderr.write(cuda_warning(len(urls), total_size(urls)))


def has_driver() -> bool:
    """Returns whether this machine has an NVIDIA driver."""
    return os.path.exists("/proc/driver/nvidia/version") or shutil.which("nvidia-smi") is not None


def cuda_downloads(report: Dict[str, Any]) -> List[str]:
    """Addresses of the CUDA libraries in pip's report of what it would install."""
    return [
        item["download_info"]["url"]
        for item in report["install"]
        if item["metadata"]["name"].lower().startswith(CUDA_PACKAGES)
    ]


def total_size(urls: List[str]) -> int:
    """Bytes to download; 0 where a server does not say."""
    total = 0
    for url in urls:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5) as answer:
                total += int(answer.headers["Content-Length"])
        except (OSError, TypeError, ValueError):
            return 0
    return total


def cuda_warning(count: int, size: int) -> str:
    """Says what comes, how large it is, and the way out."""
    amount = "%.1f GB" % (size / 1e9) if size else "several GB"
    return (
        "The torch that pip finds brings %d CUDA libraries (%s), and this machine has no NVIDIA driver. It works, but\n"
        "the CPU build is much smaller: stop with Ctrl-C and run `make install TORCH_INDEX_URL=…` with the address of\n"
        "PyTorch's index of CPU wheels.\n" % (count, amount)
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
