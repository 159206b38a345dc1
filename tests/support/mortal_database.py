"""A process that dies: its database, from one of its transactions on."""

from typing import Any

from store.database import Database, T, Work
from store.errors import ConnectionLost


class MortalDatabase:
    """The database of a process that dies at its nth transaction, and does nothing after that."""

    def __init__(self, database: Database, nth: int, *, is_committed: bool) -> None:
        self._database = database
        self._left = nth
        self._is_committed = is_committed
        self.is_dead = False
        self.statements_run = 0

    async def transaction(self, work: Work[T], **options: Any) -> T:
        if self.is_dead:
            raise ConnectionLost("the process died")
        self._left -= 1
        if self._left > 0:
            return await self._database.transaction(work, **options)
        self.is_dead = True
        if self._is_committed:
            await self._database.transaction(work, **options)
        raise ConnectionLost("the process died")

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        if self.is_dead:
            raise ConnectionLost("the process died")
        return await self._database.read(work, is_single=is_single)

    async def autocommit(self, work: Work[T]) -> T:
        if self.is_dead:
            raise ConnectionLost("the process died")
        return await self._database.autocommit(work)

    async def close(self) -> None: ...
