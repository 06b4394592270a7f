"""What is measured, and how it is shown: figures with their aims, and medians of rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Figure", "Section", "cpu_of", "medians", "show"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a section: a number with its unit, and the most that it should be, if there is an aim."""

    name: str
    value: float
    unit: str
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """``ok`` or ``over``; empty where there is no aim."""
        if self.aim is None:
            return ""
        return "ok" if self.value <= self.aim else "over"


@dataclass(frozen=True, slots=True)
class Section:
    """A table: what was measured, under which conditions, and the figures."""

    title: str
    figures: Sequence[Figure]

    def __getitem__(self, name: str) -> float:
        """The value of a figure."""
        return next(figure.value for figure in self.figures if figure.name == name)


def show(section: Section) -> str:
    """The section as text."""
    width = max(len(figure.name) for figure in section.figures)
    lines = [section.title, f"{'':{width}} {'':>10} {'':12} {'aim':>8}"]
    for figure in section.figures:
        aim = "" if figure.aim is None else f"{figure.aim:g}"
        line = f"{figure.name:{width}} {_number(figure.value):>10} {figure.unit:12} {aim:>8} {figure.verdict}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def cpu_of(work: Callable[[], int]) -> float:
    """CPU microseconds for each of the records that ``work`` says it has handled."""
    start = time.process_time()
    count = work()
    return (time.process_time() - start) / count * 1e6


def medians(runs: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """CPU microseconds a record of each run: all in turns, so that the machine's moods fall on all."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, work in runs.items():
            found[name].append(cpu_of(work))
    return {name: statistics.median(values) for name, values in found.items()}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.2f}"
