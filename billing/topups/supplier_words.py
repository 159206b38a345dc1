"""Words of suppliers that couldn't end their top-up: late, contradictory, repeated or implausible.

A word is stored in the transaction that read it, with its deliverable sealed. The same word for one
top-up is one row, which needs an operator until one has seen it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Self

import msgspec

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet, WorkingSet
from billing.engine.rules import Rules
from billing.topups.deliverable import Deliverable, hint_of
from billing.topups.rules import TopUpRules
from billing.topups.topup import TopUp
from billing.topups.voucher import VoucherCodes
from kernel.clock import rfc3339
from kernel.storable import storable
from keys.vault import SealBroken
from store.database import Transaction
from store.row_mapping import RowMapping

SaidOutcome = Literal["delivered", "failed"]
Why = Literal["late", "second", "repeated", "implausible"]
DETAIL_CHARACTERS_MAX: Final = 300
# Bounds the table if a supplier draws another code for each repeat.
WORDS_OF_TOPUP_MAX: Final = 50
GAUGED_MAX: Final = 10_000


class SupplierWord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row of supplier_words; cost in US cents.

    late: the top-up had ended or moved on. second: it contradicts an earlier word. repeated: its
    value was delivered for another top-up. implausible: see billing/topups/plausible.py.
    """

    transaction_id: str
    digest: str
    account_id: str
    environment: str
    supplier: str
    word: SaidOutcome
    why: Why
    detail: str
    kind: str | None = None
    hint: str | None = None
    sealed: str | None = None
    cost_cents: int | None = None
    received_at: int
    last_received_at: int
    times: int = 1
    seen_at: int | None = None
    seen_by: str | None = None

    @property
    def needs_review(self) -> bool:
        return self.seen_at is None

    def shape(self) -> dict[str, Any]:
        """Return the word for commands and pages, without what was handed over."""
        return {
            "supplier": self.supplier,
            "word": self.word,
            "why": self.why,
            "detail": self.detail,
            "kind": self.kind,
            "hint": self.hint,
            "cost_cents": self.cost_cents,
            "received_at": rfc3339(self.received_at),
            "last_received_at": rfc3339(self.last_received_at),
            "times": self.times,
            "seen_at": None if self.seen_at is None else rfc3339(self.seen_at),
            "seen_by": self.seen_by,
        }


class SupplierWords(WorkingSet):
    rank = 16

    def __init__(self, rules: TopUpRules) -> None:
        self.codes = rules.codes
        self._new: dict[tuple[str, str], SupplierWord] = {}

    @classmethod
    def under(cls, rules: Rules) -> Self:
        return cls(rules.of(TopUpRules))

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:
        """Read nothing: earlier words decide nothing."""

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if self._new:
            await tx.execute(_KEEP, rows=[_ROWS.write(one) for _, one in sorted(self._new.items())])

    def keep(
        self,
        state: BatchState,
        topup: TopUp,
        supplier: str,
        word: SaidOutcome,
        why: Why,
        detail: str,
        given: Deliverable | None,
        cost_cents: int | None,
    ) -> None:
        self.changes += 1
        value = None if given is None else given.value
        said = msgspec.json.encode((supplier, word, why, value, cost_cents)).decode()
        digest = self.codes.digest(said)
        self._new[topup.id, digest] = SupplierWord(
            transaction_id=topup.id,
            digest=digest,
            account_id=topup.account_id,
            environment=topup.environment,
            supplier=supplier,
            word=word,
            why=why,
            detail=storable(detail, characters_max=DETAIL_CHARACTERS_MAX),
            kind=None if given is None else given.kind,
            hint=None if value is None else hint_of(value),
            sealed=None if value is None else _seal(self.codes, topup.id, given),
            cost_cents=cost_cents,
            received_at=state.now_us,
            last_received_at=state.now_us,
        )


def last_handed_over(codes: VoucherCodes, words: Sequence[SupplierWord]) -> Deliverable | None:
    for one in reversed(words):
        given = opened(codes, one)
        if given is not None:
            return msgspec.structs.replace(given, expires_at=None)
    return None


def words_of(state: BatchState) -> SupplierWords:
    return state.working_set(SupplierWords)


def opened(codes: VoucherCodes, word: SupplierWord) -> Deliverable | None:
    if word.sealed is None:
        return None
    try:
        text = codes.issued(_subject(word.transaction_id), word.sealed)
    except SealBroken:
        return None
    return msgspec.json.decode(text, type=Deliverable)


async def load_words(
    tx: Transaction, topup_ids: Iterable[str]
) -> Mapping[str, Sequence[SupplierWord]]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM supplier_words WHERE transaction_id IN :ids[text]
            ORDER BY transaction_id, last_received_at, digest""",
        ids=sorted(set(topup_ids)),
    )
    found: dict[str, list[SupplierWord]] = {}
    for row in rows:
        found.setdefault(row["transaction_id"], []).append(_ROWS.read(row))
    return found


async def count_unseen(tx: Transaction, environment: str) -> int:
    row = await tx.fetch_one(_UNSEEN, environment=environment, most=GAUGED_MAX)
    assert row is not None, "a count has one row"
    return int(row["number"])


async def note_seen(
    tx: Transaction, transaction_id: str, environment: str, *, by: str, now_us: int
) -> int:
    return await tx.execute(
        """UPDATE supplier_words SET seen_at = :now_us, seen_by = :by
           WHERE transaction_id = :id AND environment = :environment AND seen_at IS NULL""",
        id=transaction_id,
        environment=environment,
        by=by,
        now_us=now_us,
    )


def _seal(codes: VoucherCodes, topup_id: str, given: Deliverable | None) -> str:
    return codes.seal(_subject(topup_id), msgspec.json.encode(given).decode())


def _subject(topup_id: str) -> str:
    """Return what the seal is bound to; differs from the top-up's own code."""
    return f"{topup_id}/word"


_ROWS = RowMapping(SupplierWord)
# A repeated word needs an operator again, unless one has seen it.
_KEEP: Final = f"""
INSERT INTO supplier_words ({_ROWS.listed})
SELECT {", ".join(f"v.{name}" for name in _ROWS.columns)} FROM :rows[{_ROWS.typed}] AS v
WHERE (SELECT COUNT(*) FROM supplier_words w WHERE w.transaction_id = v.transaction_id)
    < {WORDS_OF_TOPUP_MAX}
ON CONFLICT (transaction_id, digest) DO UPDATE SET
    times = supplier_words.times + 1, last_received_at = excluded.last_received_at
"""
_UNSEEN: Final = """
SELECT COUNT(*) AS number FROM (
    SELECT DISTINCT transaction_id FROM supplier_words
    WHERE environment = :environment AND seen_at IS NULL LIMIT :most) w
"""
