"""What groups of processes used: CPU seconds between two moments, and resident memory at its peak.

A group is one process with all that it started. A PostgreSQL is found by asking one of its
connections, so a server that others share is counted with what they do.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
import psutil

Roots = Mapping[str, Sequence[int]]


class Meter:
    """CPU seconds of each group since start(); what a root started meanwhile is counted with it."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._before: dict[int, float] = {}

    def start(self) -> None:
        self._before = {
            process.pid: _cpu_s(process) for pids in self._roots.values() for process in _tree(pids)
        }

    def cpu_s(self) -> dict[str, float]:
        """By group; a process that came meanwhile counts whole."""
        return {
            name: sum(
                _cpu_s(process) - self._before.get(process.pid, 0.0) for process in _tree(pids)
            )
            for name, pids in self._roots.items()
        }

    def peak_mb(self) -> dict[str, float]:
        """Resident memory at its highest since each process began, added up over the group."""
        return {name: sum(map(_peak_mb, _tree(pids))) for name, pids in self._roots.items()}


def postmaster(url: str) -> int:
    """The server's first process, on this machine."""

    async def find() -> int:
        connection = await asyncpg.connect(url)
        try:
            pid = int(await connection.fetchval("SELECT pg_backend_pid()"))
            return int(psutil.Process(pid).ppid())
        finally:
            await connection.close()

    return asyncio.run(find())


def _tree(pids: Sequence[int]) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            root = psutil.Process(pid)
            for process in [root, *root.children(recursive=True)]:
                found[process.pid] = process
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _peak_mb(process: psutil.Process) -> float:
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
