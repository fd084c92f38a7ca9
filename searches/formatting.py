"""Numbers as the portal writes them: 3 significant digits and a unit. The same rules as static/js/format.js."""

import math
from collections.abc import Mapping

NOTHING = "–"
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))


def three_digits(value: float) -> str:
    """1.4187 → 1.42, 98.61 → 98.6, 247.3 → 247."""
    if value == 0:
        return "0"
    digits = min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """0.943 → 94.3 %."""
    return NOTHING if value is None else f"{value * 100:.1f} %"


def scaled(value: float | None, unit: str = "") -> str:
    """247312 → 247 K; the unit follows its prefix: 18.3 MFLOPs."""
    if value is None:
        return NOTHING
    for size, prefix in PREFIXES:
        if abs(value) >= size * 0.9995:
            return f"{three_digits(value / size)} {prefix}{unit}"
    text = str(int(value)) if float(value).is_integer() else three_digits(value)
    return f"{text} {unit}" if unit else text


def figure(value: float | None, unit: str) -> str:
    """The figure of an objective or meter by its unit, as the registry names it."""
    if value is None:
        return NOTHING
    if unit in ("%", "ratio"):
        return percent(value)
    if unit in ("ms", "mJ"):
        return f"{three_digits(value)} {unit}"
    return scaled(value, unit)


def duration(seconds: float | None) -> str:
    """192.4 → 3 min 12 s."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return "< 1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def shape(sizes: list[int] | tuple[int, ...]) -> str:
    """(16, 8, 8) → 16×8×8."""
    return "×".join(str(size) for size in sizes)


def share(part: float | None, whole: float | None) -> int:
    """Per cent of a whole, for the length of a bar."""
    return round(100 * part / whole) if part and whole else 0


def power_of_ten(count: int) -> str:
    """31_000_000_000 → 3.1 × 10¹⁰; small counts as they are."""
    if count < 100_000:
        return f"{count:,}"
    exponent = len(str(count)) - 1
    digits = str(count)[:2]
    raised = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits[0]}.{digits[1]} × 10{raised}"


def thousandfold(milliseconds: float) -> str:
    """0.0421 → 42.1: milliseconds in a column of microseconds."""
    return three_digits(milliseconds * 1e3)


def entry(values: Mapping[str, float], name: str) -> float | None:
    """The value of this name, where there is one."""
    return values.get(name)


def microseconds(seconds: float) -> str:
    """0.000008 → 8.00 µs."""
    return f"{three_digits(seconds * 1e6)} µs"
