"""Find out whether a COMMIT took effect if its response was lost.

Each durable transaction writes a new token to its connection's own row. If a response is lost, another
connection locks that row and reads the token. PostgreSQL's transaction IDs aren't used for this, because a
server may assign the same ID again after a failover.
"""

import secrets
from typing import Final

from store.database import Transaction

KEPT_DAYS: Final = 7

_NOW_US: Final = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)"
_ON_CONFLICT: Final = """
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, written_at = excluded.written_at"""

WRITE: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) VALUES ($1, $2, {_NOW_US}){_ON_CONFLICT}"""
WRITE_IF_ANYTHING: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) SELECT $1, $2::bigint, {_NOW_US}
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL{_ON_CONFLICT}"""
# Read the row with a write, which waits for a pending INSERT. If this write commits, everything before it is durable.
LOOK: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) VALUES ($1, 0, {_NOW_US})
    ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at
    RETURNING token"""

# Each process has its own row. Otherwise, a suspended process could keep the row locked for others.
_PROBE_ID: Final = f"probe_{secrets.token_hex(10)}"


async def write_probe(tx: Transaction, filler: bytes, *, now_us: int) -> None:
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
