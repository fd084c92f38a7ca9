"""The licences that a repository may carry: its author's choice."""

from dataclasses import dataclass

from codegen.escaping import one_line
from codegen.skeletons import skeleton


@dataclass(frozen=True)
class Licence:
    """One licence by the names that it has in pyproject.toml, in a model card, and on our pages."""

    spdx: str
    card: str
    title: str


LICENCES = {
    "MIT": Licence("MIT", "mit", "MIT: any use, keep the notice"),
    "Apache-2.0": Licence("Apache-2.0", "apache-2.0", "Apache 2.0: like MIT, with a patent grant"),
    "BSD-3-Clause": Licence("BSD-3-Clause", "bsd-3-clause", "BSD 3-Clause: like MIT, without use of your name"),
    "proprietary": Licence("LicenseRef-Proprietary", "other", "Proprietary: all rights reserved"),
}
DEFAULT = "MIT"


def text_of(name: str, author: str) -> str:
    """The file LICENSE, with who holds the rights below its first line; Apache's text says that in a notice."""
    notice = f"Copyright (c) {one_line(author) or 'the owner of this repository'}"
    head, _, rest = skeleton("licences")[name].partition("\n\n")
    if name == "Apache-2.0":
        return f"{head}\n\n{rest.rstrip()}\n\n{notice}\n"
    return f"{head}\n\n{notice}\n\n{rest}"
