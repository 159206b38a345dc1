"""The order of a run's tests over its processes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


def long_first(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """The tests in so many parts of equal length, as xdist cuts the list, each with its long ones
    first. A module's long tests stay together, and those of modules that give the mark one name: they share what
    is slow to start. So do the modules beside this folder, long or not: each of them reads the whole source, and
    once is enough.
    """
    short: list[pytest.Item] = []
    together: dict[object, list[pytest.Item]] = {}
    for item in items:
        is_rule = item.path.parent == TESTS
        marker = item.get_closest_marker("long")
        if is_rule or marker is not None:
            named = marker.args[0] if marker is not None and marker.args else item.path
            together.setdefault(TESTS if is_rule else named, []).append(item)
        else:
            short.append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    for group in sorted(together.values(), key=len, reverse=True):
        min(shares, key=len).extend(group)
    ordered: list[pytest.Item] = []
    for number, share in enumerate(shares):
        part = (len(items) - len(ordered)) // (processes - number)
        room = max(0, part - len(share))
        ordered += [*share, *short[:room]]
        del short[:room]
    return [*ordered, *short]
