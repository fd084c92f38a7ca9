"""The Dockerfile of a repository: printed for what it holds, and examined as a builder would read it."""

import json
from collections.abc import Collection

INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD", "ENV", "ARG", "ENTRYPOINT", "LABEL"}
PROGRAMS = "config.json data.py standard.py inference.py serving.py certificate.py deploy.py"
SERVE = ["python", "deploy.py", "serve", "--host", "0.0.0.0", "--port", "8080"]
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


def dockerfile(exports: Collection[str]) -> str:
    """A server of the ONNX export (160 MB); of PyTorch where that export was left out."""
    needed, index = "requirements.txt", ""
    copied, command = [f"COPY {PROGRAMS} ./", "COPY exports ./exports"], SERVE
    if "onnx" not in exports:
        needed, index = "requirements.txt requirements-train.txt", f"--extra-index-url {CPU_WHEELS} "
        copied = [f"COPY {PROGRAMS} model.py ./", "COPY weights ./weights"]
        command = [*SERVE, "--backend", "torch"]
    given = " ".join(f"-r {name}" for name in needed.split())
    lines = ["FROM python:3.11-slim", "WORKDIR /app", f"COPY {needed} ./"]
    lines += [f"RUN pip install --no-cache-dir {index}{given}", *copied]
    lines += ["RUN useradd --create-home app", "USER app", "EXPOSE 8080", f"CMD {json.dumps(command)}"]
    return "\n".join(lines) + "\n"


def faults(text: str, files: Collection[str]) -> list[str]:
    """Returns what a builder or a reviewer would refuse: unknown words, missing sources, root, a command as text."""
    lines = [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    words = [line[0] for line in lines]
    found = [f"{word} is no instruction" for word in words if word not in INSTRUCTIONS]
    if not words or words[0] != "FROM":
        found.append("it must begin with FROM")
    elif ":" not in lines[0][1] or lines[0][1].endswith(":latest"):
        found.append(f"the image {lines[0][1]} has no fixed tag")
    for word, rest in (line for line in lines if len(line) == 2):
        if word == "COPY":
            *sources, target = rest.split()
            found += [f"COPY {each}: it is not here" for each in sources if not is_there(each, files)]
            found += [f"COPY to {target}: several files need a folder"] * (len(sources) > 1 and target[-1] != "/")
    if "USER" not in words:
        found.append("it runs as root")
    commands = [rest for word, rest in lines if word == "CMD"]
    if len(commands) != 1 or not commands[0].startswith("["):
        found.append("it must have one CMD, as a JSON list")
    return found


def is_there(source: str, files: Collection[str]) -> bool:
    return source in files or any(path.startswith(f"{source}/") for path in files)
