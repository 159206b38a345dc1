"""Begin a transaction with its locks, commit it, and determine the outcome if the response is lost.

BEGIN is sent together with an EXECUTE whose arguments are literals. Bound arguments would need another round trip.
The rows that EXECUTE returns are ignored, because they may be out of date after a wait for the lock.

If COMMIT's response is lost, the outcome is read from the connection's row in commit_tokens. If it stays unknown,
CommitUnknown is raised and the work doesn't run again.
"""

import asyncio
import contextlib
import hashlib
import re
import time
from functools import cache, partial
from typing import Any, Final

import asyncpg

from store import commit_token
from store.database import Lock
from store.errors import CommitUnknown, StoreError
from store.postgresql.errors import named
from store.postgresql.pool import ConnectionPool, PooledConnection
from store.statement import POSTGRESQL, translate

_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_PARAMETER = re.compile(r"\$(\d+)")
_translated: Final = cache(partial(translate, name=POSTGRESQL))

_READ_IDLE_TIMEOUT_S = 60
_LONG_TIMEOUT_S = 600
READ = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    f" SET LOCAL idle_in_transaction_session_timeout = '{_READ_IDLE_TIMEOUT_S}s'"
)
LONG_READ = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    f" SET LOCAL idle_in_transaction_session_timeout = '{_LONG_TIMEOUT_S}s';"
    f" SET LOCAL statement_timeout = '{_LONG_TIMEOUT_S}s'"
)


class BeginWithLock:
    def __init__(self, begin: str, lock: Lock | None = None) -> None:
        self._begin = begin
        self._lock = lock

    async def run(self, session: PooledConnection) -> None:
        """Begin the transaction. The driver's errors are raised unchanged. The caller must then roll back."""
        connection, begin = session.connection, self._begin
        if session.settings:
            begin = _with_settings(begin, session.settings)
        if self._lock is None:
            await connection.execute(begin)
            return
        statement = _translated(self._lock.text)
        arguments = statement.bind(self._lock.values)
        literals = [_literal(argument) for argument in arguments]
        if None in literals:
            await connection.execute(begin)
            await connection.fetch(statement.text, *arguments)
            return
        if session.settings:
            await connection.execute(f"{begin}; {_written_out(statement.text, literals)}")
            return
        name = _name(statement.text)
        both = f"{begin}; EXECUTE {name}({', '.join(map(str, literals))})"
        try:
            await connection.execute(both)
        except asyncpg.InvalidSQLStatementNameError:
            await connection.execute("ROLLBACK")
            with contextlib.suppress(asyncpg.DuplicatePreparedStatementError):
                await connection.execute(f"PREPARE {name} AS {statement.text}")
            await connection.execute(both)


@cache
def begin_text(
    *, is_durable: bool, statement_timeout_s: float | None, lock_wait_s: float | None
) -> str:
    parts = ["BEGIN"]
    if is_durable:
        # Planning every execution would take half of a batch's time.
        parts.append("SET LOCAL plan_cache_mode = force_generic_plan")
    if statement_timeout_s is not None:
        parts.append(f"SET LOCAL statement_timeout = {round(statement_timeout_s * 1000)}")
    if lock_wait_s is not None:
        parts.append(f"SET LOCAL lock_timeout = {round(lock_wait_s * 1000)}")
    return "; ".join(parts)


@cache
def _with_settings(begin: str, settings: str) -> str:
    """Insert the session's settings before the transaction's own settings, which override them."""
    head, mark, own = begin.partition(";")
    return f"{head}; {settings}{mark}{own}"


def _written_out(text: str, literals: list[str | None]) -> str:
    return _PARAMETER.sub(lambda found: str(literals[int(found[1]) - 1]), text)


@cache
def _name(text: str) -> str:
    """Derive a statement's name from its text, so that processes that share sessions use the same name."""
    return f"topup_lock_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _literal(argument: Any) -> str | None:
    if isinstance(argument, list) and all(isinstance(one, str) and _PLAIN(one) for one in argument):
        return "'{" + ",".join(f'"{one}"' for one in argument) + "}'"
    return None


LOOK_TIMEOUT_S: Final = 5.0
_WAIT_S_FIRST: Final = 0.02
_WAIT_S_MAX: Final = 1.0
_BEGIN: Final = BeginWithLock("BEGIN; SET LOCAL lock_timeout = '1s'")


async def commit(session: PooledConnection) -> None:
    """Commit. Raise StoreError if the server rolled back, and CommitUnknown if it didn't wait for replication.

    Raise the driver's errors unchanged.
    """
    session.was_warned = False
    # If a statement has failed, COMMIT rolls back. Only the response's command tag reports this.
    if await session.connection.execute("COMMIT") != "COMMIT":
        raise StoreError("25P02")
    if session.was_warned:
        raise CommitUnknown("not replicated")


async def was_kept(pool: ConnectionPool, token_id: str, token: int) -> bool:
    """Return whether the transaction that wrote the token was committed.

    Raise CommitUnknown if the token can't be read within LOOK_TIMEOUT_S.
    """
    ends_at_s = time.monotonic() + LOOK_TIMEOUT_S
    wait_s = _WAIT_S_FIRST
    while True:
        try:
            return bool(await _find_token(pool, token_id, ends_at_s) == token)
        except StoreError as error:
            code = error.code
        except Exception as error:
            raise CommitUnknown(type(error).__name__) from error
        if time.monotonic() + wait_s > ends_at_s:
            raise CommitUnknown(code)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, _WAIT_S_MAX)


async def _find_token(pool: ConnectionPool, token_id: str, ends_at_s: float) -> Any:
    """Return the row's token, after waiting for any transaction that is writing the row. Raise StoreError if
    this fails.
    """
    async with pool.session() as session:
        connection = session.connection
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
    """Roll back a failed transaction.

    If a transaction is cancelled while it begins, it may still begin on the server. So the connection is closed.
    """
    if isinstance(error, asyncio.CancelledError) and not has_begun:
        connection.terminate()
    await roll_back(connection)


async def roll_back(connection: Any) -> None:
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except Exception:
        connection.terminate()
