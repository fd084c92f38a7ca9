"""What a hardware target asks of a network's delivery: the format, the layout and the precision that suit it."""

from dataclasses import dataclass

from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from codegen import frameworks
from codegen.frameworks.c import reuses, storage
from codegen.passes.fusion import fused
from codegen.printing.arena import plan
from profiling import targets


@dataclass(frozen=True)
class Advice:
    """`backend` of inference.py, `amp` of train.py, and why."""

    backend: str
    amp: str
    why: str


CPU = Advice("onnx", "off", "ONNX Runtime is the quickest on a CPU; channels last for PyTorch; int8 with unsigned "
             "activations and signed weights per channel (U8S8), which its kernels run best")  # fmt: skip
GPU = Advice("torch", "bf16", "mixed precision: `train.py --amp bf16` (or fp16), channels last, `--compile`")
SMALL = Advice("c", "off", "plain C99 in a static arena; weights are constants in flash")
LEAST_OPERATING_SYSTEM = 16 * 2**20  # bytes of RAM: what has less runs one program, without a runtime
LEAST_GPU = 3e11  # multiply-adds a second: no core of a CPU has as many


def advice_for(target: str) -> Advice:
    """Chooses advice by the target's numbers, so that new targets are advised; a device counts as its kind."""
    hardware = targets.create(target)
    if hardware.memory_bytes < LEAST_OPERATING_SYSTEM:
        return SMALL
    return GPU if hardware.peak_macs_per_s >= LEAST_GPU else CPU


def exports_for(target: str) -> tuple[str, ...]:
    """Returns the default exports of a repository for the target."""
    return frameworks.exports() if advice_for(target) is GPU else frameworks.usual()


def lines(target: str, graph: Graph, exports: tuple[str, ...]) -> list[str]:
    """The model card's words on the target that the search was for."""
    advice, hardware = advice_for(target), targets.create(target)
    said = [f"It was searched for: {hardware.title}. {advice.why[:1].upper()}{advice.why[1:]}."]
    if advice is SMALL:
        arena = 4 * plan(fused(graph), storage(fused(graph)), reuses).size
        flash = complexity(graph).weight_bytes
        fits = arena <= hardware.memory_bytes and flash <= hardware.storage_bytes
        said.append(
            f"The arena takes {arena:,} of {hardware.memory_bytes:,} bytes of RAM, the float32 weights {flash:,} of "
            f"{hardware.storage_bytes:,} bytes of flash: it {'fits' if fits else 'does not fit'}."
        )
        if "c_int8" in exports:
            said.append(
                f"exports/c_int8 holds them in about {flash // 4:,} bytes: one per weight, and one step per channel."
            )
    if advice is GPU and "fp16" in exports:
        said.append(
            "exports/fp16 holds it in half precision, for a GPU's runtime: half the bytes; images stay float32."
        )
    if advice.backend in ("onnx", "c") and advice.backend not in exports:
        said.append(f"The export {advice.backend} is not here; CONSISTENCY.md says why.")
    return said
