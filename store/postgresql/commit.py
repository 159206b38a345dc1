"""COMMIT, and find the outcome if its answer was lost.

The outcome is read from the row that no other transaction writes (store/commit_token.py), as durably and
replicated as the server promises. If it stays unknown, CommitUnknown is raised: never a success, and never a
failure that runs the work again.
"""

import asyncio
import time
from typing import Any, Final

from store import commit_token
from store.errors import CommitUnknown, StoreError
from store.postgresql.begin_with_lock import BeginWithLock
from store.postgresql.errors import named
from store.postgresql.pool import ConnectionPool, PooledConnection

# How long an outage around COMMIT may last before its outcome stays unknown.
LOOK_TIMEOUT_S: Final = 5.0
_WAIT_S_FIRST: Final = 0.02
_WAIT_S_MAX: Final = 1.0
_BEGIN: Final = BeginWithLock("BEGIN; SET LOCAL lock_timeout = '1s'")


async def commit(session: PooledConnection) -> None:
    """Raise what the driver raises.

    Raises StoreError 25P02 if the server rolled back instead, and CommitUnknown if it didn't wait for
    replication.
    """
    session.was_warned = False
    # After a failed statement COMMIT rolls back, and only its tag says so.
    if await session.connection.execute("COMMIT") != "COMMIT":
        raise StoreError("25P02")
    if session.was_warned:
        raise CommitUnknown("not replicated")


async def was_kept(pool: ConnectionPool, token_id: str, token: int) -> bool:
    """Return whether the transaction that wrote the token was committed.

    The lost COMMIT may still be on its way, or the server away for a while. Tries for LOOK_TIMEOUT_S, then
    raises CommitUnknown.
    """
    ends_at_s = time.monotonic() + LOOK_TIMEOUT_S
    wait_s = _WAIT_S_FIRST
    while True:
        try:
            return bool(await _look(pool, token_id, ends_at_s) == token)
        except StoreError as error:
            code = error.code
        except Exception as error:
            raise CommitUnknown(type(error).__name__) from error
        if time.monotonic() + wait_s > ends_at_s:
            raise CommitUnknown(code)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, _WAIT_S_MAX)


async def _look(pool: ConnectionPool, token_id: str, ends_at_s: float) -> Any:
    """Return the row's token once no transaction is writing it; raise StoreError."""
    async with pool.session() as session:
        connection = session.connection
        # A connection that doesn't respond says nothing about the others.
        left_s = max(0.0, ends_at_s - time.monotonic())
        guard = asyncio.get_running_loop().call_later(left_s, connection.terminate)
        try:
            await _BEGIN.run(session)
            found = await connection.fetchval(commit_token.LOOK, token_id)
            await commit(session)
        except BaseException as error:
            await roll_back(connection)
            raise named(error, is_committing=False) from None
        finally:
            guard.cancel()
        return found


async def give_up(connection: Any, error: BaseException, *, has_begun: bool) -> None:
    """End the failed transaction.

    If it was cancelled while it began, it may still begin on the server; the connection is then closed, so
    that its next user isn't inside it.
    """
    if isinstance(error, asyncio.CancelledError) and not has_begun:
        connection.terminate()
    await roll_back(connection)


async def roll_back(connection: Any) -> None:
    """Roll back, or close a connection that can't."""
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except Exception:
        connection.terminate()
