"""Find out whether a COMMIT whose answer was lost took effect.

Each durable transaction writes a new token to its connection's own row. After a lost answer the next
connection locks that row and reads the token. A transaction's id won't do: after a failover the server may
assign it again.
"""

import secrets
from typing import Final

from store.database import Transaction

KEPT_DAYS: Final = 7

_NOW_US: Final = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)"
_ON_CONFLICT: Final = """
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, written_at = excluded.written_at"""

# $1 is the row's id, $2 the token.
WRITE: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) VALUES ($1, $2, {_NOW_US}){_ON_CONFLICT}"""
# A transaction that wrote nothing needs no outcome.
WRITE_IF_ANYTHING: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) SELECT $1, $2::bigint, {_NOW_US}
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL{_ON_CONFLICT}"""
# A write: it waits for a pending INSERT, and its COMMIT proves that everything before is durable
# and replicated.
LOOK: Final = f"""
    INSERT INTO commit_tokens (id, token, written_at) VALUES ($1, 0, {_NOW_US})
    ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at
    RETURNING token"""

# Per process, so that a stopped process holds no other's row.
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
