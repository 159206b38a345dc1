"""How a transaction of PostgreSQL begins: with its first locks, in one round trip.

A statement with arguments is a message of its own, BEGIN another. One that the session has prepared
by name needs no argument but literals, so both go as one simple query [0.3 ms of a lone send's 1.9].
The rows it answers with are dropped: a snapshot taken together with a lock is stale after a wait.
"""

import itertools
import re
from functools import cache, partial
from typing import Any, Final

import asyncpg

from store.db import Lock
from store.statement import POSTGRESQL, translate

# The ids and the words that locks are made of; nothing in them means anything inside a literal.
_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_translated: Final = cache(partial(translate, name=POSTGRESQL))
_numbers = itertools.count(1)


class Beginning:
    """BEGIN with its settings, and what is locked together with it."""

    def __init__(self, begin: str, lock: Lock | None = None) -> None:
        self._begin = begin
        self._lock = lock

    async def run(self, connection: Any) -> None:
        """Begins; raises what the driver raises, and leaves a rollback to the caller."""
        if self._lock is None:
            await connection.execute(self._begin)
            return
        statement = _translated(self._lock.text)
        arguments = statement.bind(self._lock.values)
        literals = [_literal(argument) for argument in arguments]
        if None in literals:
            await connection.execute(self._begin)
            await connection.fetch(statement.text, *arguments)
            return
        name = _name(statement.text)
        both = f"{self._begin}; EXECUTE {name}({', '.join(map(str, literals))})"
        try:
            await connection.execute(both)
        except asyncpg.InvalidSQLStatementNameError:
            # The first time on this connection.
            await connection.execute("ROLLBACK")
            await connection.execute(f"PREPARE {name} AS {statement.text}")
            await connection.execute(both)


@cache
def _name(_text: str) -> str:
    """The name of the statement in every session of this process."""
    return f"topup_lock_{next(_numbers)}"


def _literal(argument: Any) -> str | None:
    """The argument in SQL, or None where that would need care."""
    if isinstance(argument, list) and all(isinstance(one, str) and _PLAIN(one) for one in argument):
        return "'{" + ",".join(f'"{one}"' for one in argument) + "}'"
    return None
