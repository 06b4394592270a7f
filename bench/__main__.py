"""``python -m bench [SECTION …]``: see ``SECTIONS``; all of them without a word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from bench.agent import agent
from bench.mapping import mapping
from bench.measuring import Section, show
from bench.memory import memory
from bench.pull import pull
from bench.salesforce import salesforce
from bench.sizes import FULL, Sizes
from bench.start import start
from bench.sync import full, sync
from bench.tiers import tiers

SECTIONS: Mapping[str, Callable[[Sizes], list[Section]]] = {
    "pull": pull,
    "mapping": mapping,
    "sync": sync,
    "full": full,
    "tiers": tiers,
    "salesforce": salesforce,
    "agent": agent,
    "memory": memory,
    "start": start,
}


def main(names: Sequence[str], sizes: Sizes = FULL) -> int:
    """Measure those sections and print them; the number of figures that are over their aim."""
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.exit(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    over = 0
    for name in names or SECTIONS:
        for section in SECTIONS[name](sizes):
            print(show(section), end="\n\n", flush=True)
            over += sum(figure.verdict == "over" for figure in section.figures)
    return over


if __name__ == "__main__":
    main(sys.argv[1:])
