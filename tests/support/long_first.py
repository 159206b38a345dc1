"""The order of a run's tests over its processes."""

from collections.abc import Sequence
from pathlib import Path

import pytest


def long_first(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """The tests in so many parts of equal length, as xdist cuts the list, each with its long ones
    first. A module's long tests stay together: they share what is slow to start.
    """
    short = [item for item in items if item.get_closest_marker("long") is None]
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("long") is not None:
            modules.setdefault(item.path, []).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    for module in sorted(modules.values(), key=len, reverse=True):
        min(shares, key=len).extend(module)
    ordered: list[pytest.Item] = []
    for number, share in enumerate(shares):
        part = (len(items) - len(ordered)) // (processes - number)
        room = max(0, part - len(share))
        ordered += [*share, *short[:room]]
        del short[:room]
    return [*ordered, *short]
