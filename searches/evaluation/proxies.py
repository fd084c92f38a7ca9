"""Zero-cost proxies score an untrained network on one batch, high is good (Abdelfattah et al. 2021, arXiv 2101.08134).

A score only ranks networks of one space on one dataset; it is no accuracy and is never shown as one.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH = 64  # images that a proxy needs
ZEN_STEP = 0.01
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid)

Proxy = Callable[[nn.Module, Tensor, Tensor], float]


def naswot(module: nn.Module, images: Tensor, targets: Tensor) -> float:
    """Scores how differently images (N, C, H, W) switch the activations on: log-determinant of the kernel of their
    codes.

    Mellor et al. 2021, arXiv 2006.04647. A network without activations scores -inf.
    """
    kernel = torch.zeros((len(images), len(images)), dtype=torch.float64)

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        code = (inputs[0] > 0).flatten(1).to(torch.float32)  # (N, units)
        kernel.add_((code @ code.T + (1 - code) @ (1 - code).T).to(torch.float64))

    hooks = [layer.register_forward_hook(count) for layer in module.modules() if isinstance(layer, ACTIVATIONS)]
    try:
        module.train()  # an untrained network's running statistics say nothing about its inputs
        with torch.no_grad():
            module(images)
    finally:
        for hook in hooks:
            hook.remove()
    sign, logarithm = torch.linalg.slogdet(kernel)
    return float(logarithm) if sign > 0 else -math.inf


def synflow(module: nn.Module, images: Tensor, targets: Tensor) -> float:
    """Returns the logarithm of the flow through all weights; of images (N, C, H, W) it uses the shape alone.

    Tanaka et al. 2020, arXiv 2006.05467. Weights are made positive and norms left out of the way, so that nothing
    cancels; both are put back afterwards.
    """
    module.eval()  # norms scale by stored statistics: 1 for an untrained network
    state = {name: value.clone() for name, value in module.state_dict().items()}
    try:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.abs_()
        module.double()  # products of many layers leave the range of float32
        module.zero_grad()
        flow = module(torch.ones((1, *images.shape[1:]), dtype=torch.float64)).sum()
        flow.backward()
        total = sum(float((p.detach() * p.grad).abs().sum()) for p in module.parameters() if p.grad is not None)
    finally:
        module.float()
        module.load_state_dict(state)
        module.zero_grad()
    return math.log(total) if 0 < total < math.inf else -math.inf


def grad_norm(module: nn.Module, images: Tensor, targets: Tensor) -> float:
    """Returns the length of the loss's gradient on images (N, C, H, W) and class numbers (N,).

    Abdelfattah et al. 2021, arXiv 2101.08134.
    """
    module.train()
    module.zero_grad()
    functional.cross_entropy(module(images), targets).backward()  # type: ignore[no-untyped-call]
    squares = [float((p.grad**2).sum()) for p in module.parameters() if p.grad is not None]
    module.zero_grad()
    return math.sqrt(sum(squares))


def zen(module: nn.Module, images: Tensor, targets: Tensor) -> float:
    """Scores how far features move with their input; of images (N, C, H, W) it uses the shape alone.

    Lin et al. 2021, arXiv 2102.01063. Norms hide the scale of what they normalise; their variances are counted back in.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(images.shape, generator=generator)
    moved = noise + ZEN_STEP * torch.randn(images.shape, generator=generator)
    features: list[Tensor] = []
    scale = 0.0

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        features.append(inputs[0])

    def count(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal scale
        variance = inputs[0].var(dim=(0, 2, 3), unbiased=False).mean()
        scale += 0.5 * math.log(float(variance) + 1e-12)

    pools = [layer for layer in module.modules() if isinstance(layer, nn.AdaptiveAvgPool2d)]
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    last = pools[-1].register_forward_pre_hook(keep) if pools else None
    module.train()
    try:
        with torch.no_grad():
            hooks = [norm.register_forward_pre_hook(count) for norm in norms]
            outputs = [module(noise)]
            for hook in hooks:
                hook.remove()
            outputs.append(module(moved))
    finally:
        if last is not None:
            last.remove()
    before, after = features if last is not None else outputs
    distance = float((before - after).abs().mean())
    return math.log(distance) + scale if distance > 0 else -math.inf


PROXIES: dict[str, Proxy] = {"naswot": naswot, "synflow": synflow, "grad_norm": grad_norm, "zen": zen}
