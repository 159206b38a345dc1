"""Run several statements of PostgreSQL in one round trip, while tenants are locked.

Writes are parts of one WITH. Reads are a UNION ALL in which each row names its read; each read fills the
columns of its types and leaves NULL in the others.
"""

import functools
import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

_PARAMETER = re.compile(r"\$(\d+)")

NamedTypes = Sequence[tuple[str, str]]


class Union:
    """Several statements as one. columns: the names and PostgreSQL types of each statement."""

    def __init__(self, texts: Sequence[str], columns: Sequence[NamedTypes]) -> None:
        slots: list[str] = []
        self._picks: list[Callable[[Any], tuple[Any, ...]]] = []
        placed = []
        for listed in columns:
            places = _places(slots, [kind for _, kind in listed])
            placed.append(dict(zip(places, (name for name, _ in listed), strict=True)))
            self._picks.append(_pick([place + 1 for place in places]))
        parts = []
        for number, text in enumerate(_counted_on(texts)):
            own = placed[number]
            picks = (
                f"q.{own[place]}" if place in own else f"NULL::{kind}"
                for place, kind in enumerate(slots)
            )
            parts.append(f"SELECT {number}, {', '.join(picks)} FROM ({text}) AS q")
        self.text = " UNION ALL ".join(parts)

    def split(self, records: Sequence[Any]) -> list[list[tuple[Any, ...]]]:
        found: list[list[tuple[Any, ...]]] = [[] for _ in self._picks]
        for record in records:
            number = record[0]
            found[number].append(self._picks[number](record))
        return found


def _pick(places: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    if len(places) == 1:
        [place] = places
        return lambda record: (record[place],)
    return itemgetter(*places)


@functools.cache
def pipelined(texts: tuple[str, ...], counted: tuple[int, ...]) -> str:
    """Combine the writes into one statement that returns the touched rows of those at the counted places, in
    order.

    The server runs the others last, in the reverse order of their names, and keeps none of their rows [a
    tenth of a lone send's writes]. So they are named in reverse to run in order.
    """
    numbered = list(enumerate(_counted_on(texts)))
    firsts = [f"w{i} AS ({text} RETURNING 1)" for i, text in numbered if i in counted]
    others = [f"w{i} AS ({text})" for i, text in reversed(numbered) if i not in counted]
    counts = [f"(SELECT count(*) FROM w{place})" for place in counted] or ["1"]
    return f"WITH {', '.join([*firsts, *others])} SELECT {', '.join(counts)}"


def of_updated(column: str) -> str:
    """Return the condition that keeps rows whose ids were updated.

    A join would, without hashes, compare each row with each.
    """
    return f"WHERE ({column} IN (SELECT updated_id FROM updated)) IS TRUE"


@functools.cache
def updating(update: str, insert: str) -> str:
    first, second = _counted_on([update, insert])
    return f"WITH updated AS ({first}), inserted AS ({second}) SELECT updated_id FROM updated"


def _counted_on(texts: Sequence[str]) -> list[str]:
    shifted, offset = [], 0
    for text in texts:
        numbers = [int(number) for number in _PARAMETER.findall(text)]
        shifted.append(_PARAMETER.sub(lambda found: f"${int(found[1]) + offset}", text))  # noqa: B023
        offset += max(numbers, default=0)
    return shifted


def _places(slots: list[str], kinds: Sequence[str]) -> list[int]:
    """Give each column a slot of its type, none twice; add missing slots."""
    free = list(range(len(slots)))
    places = []
    for kind in kinds:
        place = next((one for one in free if slots[one] == kind), None)
        if place is None:
            place = len(slots)
            slots.append(kind)
        else:
            free.remove(place)
        places.append(place)
    return places
