"""Find the known name that a misspelt one means."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, most: int) -> str | None:
    """Return the known name with the fewest changed characters, at most `most`, or None."""
    near = [(changes(name, one), one) for one in known if abs(len(name) - len(one)) <= most]
    found = min(near, default=None)
    return None if found is None or found[0] > most else found[1]


def changes(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, character in enumerate(one, start=1):
        before, row[0] = row[0], at
        for place, there in enumerate(other, start=1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (character != there)),
            )
    return row[-1]
