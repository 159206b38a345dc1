"""Run a read of one statement without a transaction around it.

It sees one moment anyway, and BEGIN and COMMIT would be two more round trips, as dear as the statement.
"""

from typing import Any

from store.postgresql.transaction import PostgresqlTransaction


class NotSingle(Exception):
    """The work needs more than one reading statement; run it again in a transaction."""


class SingleRead(PostgresqlTransaction):
    """Runs one reading statement; raises NotSingle for another one or a write."""

    def __init__(self, connection: Any) -> None:
        super().__init__(_OneStatement(connection))

    async def _gather(self, *_: Any, **__: Any) -> None:
        raise NotSingle


class _OneStatement:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._is_used = False

    async def fetch(self, *arguments: Any) -> Any:
        self._use()
        return await self._connection.fetch(*arguments)

    async def fetchrow(self, *arguments: Any) -> Any:
        self._use()
        return await self._connection.fetchrow(*arguments)

    async def prepare(self, text: str) -> Any:
        return await self._connection.prepare(text)

    async def execute(self, *_: Any) -> Any:
        raise NotSingle

    def _use(self) -> None:
        if self._is_used:
            raise NotSingle
        self._is_used = True
