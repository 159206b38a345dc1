"""Sign a statement before rows are deliberately deleted.

A watermark says that rows before a given time may have been pruned. A tombstone says that an account was erased.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from billing.checkpoints.jws import NOT_JSON, StatementRefused, sign, verify
from billing.checkpoints.signing_keys import signing_seed
from billing.records.kind import RecordLeaf
from kernel.clock import rfc3339
from keys.vault import Vault
from store.database import Row, Transaction

TYP: Final = "topup-record-removal+jws"
ACCOUNT: Final = "account"
EVERYWHERE: Final = "*"


class RemovalStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a statement. Its subject is an environment, or an account if the kind is `account`."""

    kind: str
    subject: str
    until: int  # in microseconds
    signed_at: str
    version: int = 1


class Removal(msgspec.Struct, frozen=True):
    kind: str
    subject: str
    until_at: int
    jws: str

    def is_signed(self, keys: Mapping[str, bytes]) -> bool:
        try:
            said = msgspec.json.decode(
                verify(self.jws, typ=TYP, keys=keys).payload, type=RemovalStatement
            )
        except (StatementRefused, *NOT_JSON):
            return False
        return (said.kind, said.subject, said.until) == (self.kind, self.subject, self.until_at)


def name_of(leaf: RecordLeaf) -> tuple[str, str]:
    return leaf.kind, EVERYWHERE if leaf.kind == "security" else leaf.environment


async def sign_removal(
    tx: Transaction, vault: Vault, *, kind: str, subjects: Iterable[str], until: int, now_us: int
) -> None:
    """Sign and store a statement for each subject. A stored statement with a later time isn't replaced."""
    seed = await signing_seed(tx, vault, now_us=now_us)
    rows = []
    for subject in sorted(set(subjects)):
        statement = RemovalStatement(
            kind=kind, subject=subject, until=until, signed_at=rfc3339(now_us)
        )
        payload = msgspec.json.encode(statement, order="sorted")
        rows.append((kind, subject, until, sign(payload, typ=TYP, seed=seed)))
    await tx.insert(
        "record_removals",
        ("kind", "subject", "until_at", "jws"),
        rows,
        on_conflict="""ON CONFLICT (kind, subject) DO UPDATE
            SET until_at = excluded.until_at, jws = excluded.jws
            WHERE record_removals.until_at < excluded.until_at""",
    )


async def watermarks(tx: Transaction) -> Mapping[tuple[str, str], Removal]:
    return _by_name(
        await tx.fetch(
            "SELECT kind, subject, until_at, jws FROM record_removals WHERE kind <> 'account'"
        )
    )


async def tombstones(
    tx: Transaction, account_ids: Iterable[str]
) -> Mapping[tuple[str, str], Removal]:
    return _by_name(
        await tx.fetch(
            """SELECT kind, subject, until_at, jws FROM record_removals
               WHERE kind = 'account' AND subject IN :ids[text]""",
            ids=sorted(set(account_ids)),
        )
    )


def _by_name(rows: Iterable[Row]) -> Mapping[tuple[str, str], Removal]:
    found = [Removal(row[0], row[1], row[2], row[3]) for row in rows]
    return {(one.kind, one.subject): one for one in found}


async def pruned_until(tx: Transaction) -> int:
    found = await watermarks(tx)
    expected = {("security", EVERYWHERE)}
    expected |= {(kind, one) for kind in ("event", "delivery") for one in ("live", "staging")}
    if not expected <= found.keys():
        return 0
    return min(found[one].until_at for one in expected)
