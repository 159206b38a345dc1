"""Store each audit's result for /metrics and `topup doctor`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from kernel.ids import new_id
from store.database import Transaction

PROOFS_KEPT: Final = 100

_LAST = """
SELECT p.began_at, p.findings,
    (SELECT MAX(w.began_at) FROM ledger_proofs w WHERE w.findings = 0) AS proved_at
FROM ledger_proofs p ORDER BY p.began_at DESC, p.id DESC LIMIT 1
"""
_GOOD = """
SELECT MAX(began_at) AS began_at FROM ledger_proofs WHERE findings = 0 AND began_at <= :until
"""
_LISTED = """
SELECT id, began_at, ended_at, findings, COALESCE(is_full, 1) AS is_full, live_day, staging_day
FROM ledger_proofs ORDER BY began_at DESC, id DESC
"""
_FORGET = """
DELETE FROM ledger_proofs
WHERE id NOT IN (SELECT p.id FROM ledger_proofs p ORDER BY p.began_at DESC, p.id DESC LIMIT :kept)
  AND began_at <> COALESCE(
      (SELECT MAX(w.began_at) FROM ledger_proofs w WHERE w.findings = 0), -1)
  AND began_at <> COALESCE((SELECT MAX(w.began_at) FROM ledger_proofs w
      WHERE w.findings = 0 AND COALESCE(w.is_full, 1) = 1), -1)
"""


class LedgerProof(NamedTuple):
    id: str
    began_at: int
    ended_at: int
    findings: int
    is_full: int = 1
    live_day: int | None = None
    staging_day: int | None = None


class LastProof(NamedTuple):
    """The result of the last audit. `proved_at` is when the last audit without findings began."""

    began_at: int
    findings: int
    proved_at: int | None


async def note_proof(
    tx: Transaction,
    *,
    began_at: int,
    ended_at: int,
    findings: int,
    is_full: bool = True,
    days: Mapping[str, int] = MappingProxyType({}),
) -> None:
    relied_on = (int(is_full), days.get("live"), days.get("staging"))
    proof = LedgerProof(new_id("prf"), began_at, ended_at, findings, *relied_on)
    await tx.insert("ledger_proofs", LedgerProof._fields, [proof])
    await tx.execute(_FORGET, kept=PROOFS_KEPT)


async def list_proofs(tx: Transaction) -> Sequence[LedgerProof]:
    rows = await tx.fetch(_LISTED)
    return [LedgerProof(*row) for row in rows]


async def last_proof(tx: Transaction) -> LastProof | None:
    row = await tx.fetch_one(_LAST)
    if row is None:
        return None
    return LastProof(row["began_at"], row["findings"], row["proved_at"])


async def last_good(tx: Transaction, *, until: int) -> int | None:
    """Return the latest time, at most `until`, at which an audit without findings began.

    A time after `until` comes from a wrong clock. An audit that continues from there would check nothing.
    """
    row = await tx.fetch_one(_GOOD, until=until)
    return None if row is None else row["began_at"]
