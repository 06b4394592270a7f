"""Which process does a run, and whether it is known to have ended."""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Process", "is_gone", "this_process"]

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from a later one with the same number."""

    host: str
    """The machine's name, for people."""
    machine: str
    """This boot of the machine and, in containers, this set of process numbers; empty if unknown."""
    pid: int
    started: str
    """When it started, in the kernel's ticks; empty if unknown."""


def this_process() -> Process:
    """The process that asks."""
    pid = os.getpid()
    found = _state(pid)
    return Process(socket.gethostname(), _machine(), pid, found[1] if found else "")


def is_gone(process: Process) -> bool:
    """Whether the process has surely ended. Of other machines, nothing is sure.

    Only Linux tells (proc(5): state and start time in ``/proc/<pid>/stat``); elsewhere the lease decides.
    """
    if not process.machine or process.machine != _machine():
        return False
    found = _state(process.pid)
    if found is None:
        return not _exists(process.pid)
    state, started = found
    return state in "ZX" or started != process.started


def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
        numbers = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot}{numbers}".encode()).hexdigest()[:16]


def _state(pid: int) -> tuple[str, str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the program's name before it may hold anything
    return fields[0], fields[19]


def _exists(pid: int) -> bool:
    """Whether a process that ``/proc`` does not show is hidden there rather than gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
