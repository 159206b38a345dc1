"""Know the element types of PostgreSQL's built-in arrays, so that new connections needn't query them.

The driver's query takes 8 ms of a new session, most of the time to open it. The types are the same in every
server.
"""

from collections.abc import Collection
from typing import Any, ClassVar, Final, NamedTuple

import asyncpg

# Types that a database adds have larger numbers: FirstGenbkiObjectId of its access/transam.h.
_BUILT_IN_END: Final = 10_000


class _Asked(NamedTuple):
    """Replaces the driver's own statement, which it keeps if name isn't empty."""

    name: str = "known"


class KnowingConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection of the driver. If the driver renames the method, each connection queries again."""

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
