"""COMMIT, and what became of one whose answer was lost.

Promise: kept or not kept is said only after a look at the row that no other transaction writes
(store/commit_token.py), by a transaction of its own that is as durable, and as replicated, as the
server promises. Whatever stays in doubt is CommitUnknown: never a success, and never a failure that
work is run again for.
"""

import asyncio
import time
from typing import Any, Final

from store import commit_token
from store.errors import CommitUnknown, StoreError
from store.postgresql.begin_with_lock import BeginWithLock
from store.postgresql.errors import named
from store.postgresql.pool import ConnectionPool, PooledConnection

# How long an outage around COMMIT is waited out before its outcome stays unknown.
LOOK_TIMEOUT_S: Final = 5.0
_WAIT_S_FIRST: Final = 0.02
_WAIT_S_MAX: Final = 1.0
_BEGIN: Final = BeginWithLock("BEGIN; SET LOCAL lock_timeout = '1s'")


async def commit(session: PooledConnection) -> None:
    """Raises what the driver raises; StoreError 25P02 where the server rolled back instead, and
    CommitUnknown where it says that replication was not waited for.
    """
    session.was_warned = False
    # Where work went on after a failed statement, COMMIT rolls back and says only so.
    if await session.connection.execute("COMMIT") != "COMMIT":
        raise StoreError("25P02")
    if session.was_warned:
        raise CommitUnknown("not replicated")


async def was_kept(pool: ConnectionPool, token_id: str, token: int) -> bool:
    """Whether the transaction that wrote the token was committed.

    The lost connection's COMMIT may still be on its way through the server, which may itself be
    away for a while: tries for LOOK_TIMEOUT_S, then raises CommitUnknown.
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
    """The token of the row, once nobody is writing it; raises StoreError."""
    async with pool.session() as session:
        connection = session.connection
        # One that does not answer is given up without a word about the others.
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
    """Ends the transaction that failed. One that was cancelled as it began may begin all the same once the server
    reads it, and whoever is lent the connection next would be inside of it: it is closed.
    """
    if isinstance(error, asyncio.CancelledError) and not has_begun:
        connection.terminate()
    await roll_back(connection)


async def roll_back(connection: Any) -> None:
    """As far as it can be done: a connection that cannot is closed with the transaction."""
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except Exception:
        connection.terminate()
