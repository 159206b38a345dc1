"""Tell whether a COMMIT whose answer was lost took effect.

Each connection has a row of its own, and each durable transaction writes a new token to it. If the answer is
lost, the next connection locks that row, which waits for a transaction still under way, and reads the token.
The transaction's own token means committed, any other means not. A transaction's id won't do: after a crash
or a failover the server assigns it again. Writes commit_tokens.
"""

import secrets
from typing import Final

from store.database import Transaction

KEPT_DAYS: Final = 7

_NOW_US: Final = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)"
_ON_CONFLICT: Final = """
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, written_at = excluded.written_at"""

# PostgreSQL statements: $1 is the row's id, $2 the token.
WRITE: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) VALUES ($1, $2, {_NOW_US}){_ON_CONFLICT}"""
# For a transaction that wrote nothing, the outcome doesn't matter.
WRITE_IF_ANYTHING: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) SELECT $1, $2::bigint, {_NOW_US}
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL{_ON_CONFLICT}"""
# A write as well. It waits for an INSERT of the row that isn't visible yet, and its COMMIT returns only when
# everything before it is as durable and replicated as the server promises.
LOOK: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) VALUES ($1, 0, {_NOW_US})
    ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at
    RETURNING token"""

# Per process, so that another process stopped in its probe holds no row of ours.
_PROBE_ID: Final = f"probe_{secrets.token_hex(10)}"


async def write_probe(tx: Transaction, filler: bytes, *, now_us: int) -> None:
    """Write a row that nobody reads, so that a commit has something to store."""
    await tx.insert(
        "commit_tokens",
        ("id", "token", "written_at", "filler"),
        [(_PROBE_ID, 0, now_us, filler)],
        on_conflict="""ON CONFLICT (id) DO UPDATE
            SET written_at = excluded.written_at, filler = excluded.filler""",
    )


async def prune(tx: Transaction, *, before_us: int) -> int:
    return await tx.execute(
        "DELETE FROM commit_tokens WHERE written_at < :before_us", before_us=before_us
    )
