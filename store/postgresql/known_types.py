"""What PostgreSQL's own array types are made of, asked once in a process and not by each connection.

The driver asks a server when a connection first meets such a type, by a query that costs a new session
8 ms: after a failover, or where many connections open at once, that is most of what opening takes.
The types below are built in, with the same numbers in every server.
"""

from collections.abc import Collection
from typing import Any, ClassVar, Final, NamedTuple

import asyncpg

# Types that a database adds have larger numbers: FirstGenbkiObjectId of its access/transam.h.
_BUILT_IN_END: Final = 10_000


class _Asked(NamedTuple):
    """In place of the driver's own statement. name: not empty, as of a statement that blows none away."""

    name: str = "known"


class KnowingConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection of the driver; if that calls its method otherwise one day, each connection asks."""

    _known: ClassVar[dict[tuple[int, ...], Any]] = {}

    async def _introspect_types(
        self,
        typeoids: Collection[int],
        timeout: float | None,  # noqa: ASYNC109 the driver's signature
    ) -> tuple[Any, Any]:
        numbers = tuple(sorted(typeoids))
        if numbers in self._known:
            return self._known[numbers], _Asked()
        types, statement = await super()._introspect_types(typeoids, timeout)
        if numbers[-1] < _BUILT_IN_END:
            self._known[numbers] = types
        return types, statement
