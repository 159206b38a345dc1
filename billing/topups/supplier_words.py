"""Store supplier responses that couldn't end their top-up, and digests of delivered values."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Self

import msgspec

from billing.engine.batch_state import BatchState, ReadSet, Rules, WorkingSet
from billing.topups.rules import TopUpRules, VoucherCodes
from billing.topups.topup import Deliverable, StoredDeliverable, TopUp, hint_of, visible
from billing.topups.working_set import TopUpWorkingSet
from kernel.storable import storable
from kernel.tenant import Tenant
from keys.vault import SealBroken
from store.database import Row, Transaction
from store.row_mapping import RowMapping, as_json

SaidOutcome = Literal["delivered", "failed"]
Why = Literal["late", "second", "repeated", "implausible"]
DETAIL_CHARACTERS_MAX: Final = 300
# This limits the table's size if a supplier returns a new code for each repeated call.
WORDS_OF_TOPUP_MAX: Final = 50
GAUGED_MAX: Final = 10_000


class SupplierWord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A stored supplier response. `why` is one of:

    - late: the top-up had ended, or another supplier has it.
    - second: the response contradicts an earlier one.
    - repeated: the value was already delivered for another top-up.
    - implausible: the delivery looks wrong.
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


class SupplierWords(WorkingSet):
    rank = 16

    def __init__(self, rules: TopUpRules) -> None:
        self.codes = rules.codes
        self._new: dict[tuple[str, str], SupplierWord] = {}

    @classmethod
    def under(cls, rules: Rules) -> Self:
        return cls(rules.of(TopUpRules))

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:
        pass

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if self._new:
            await tx.execute(_KEEP, rows=[_ROWS.write(one) for _, one in sorted(self._new.items())])

    def save(
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
    return f"{topup_id}/word"


_ROWS = RowMapping(SupplierWord)
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


UNIQUE_KINDS: Final = frozenset({"code", "key", "link"})
FILLED_AT_ONCE: Final = 1_000

_log = logging.getLogger(__name__)
_STORED = as_json(StoredDeliverable)
_Place = tuple[str, str]  # environment, digest


class DeliveredValues(WorkingSet):
    """Find the top-ups to which the codes, keys and links of this transaction already belong.

    A value may be delivered for only one top-up in an environment.
    """

    rank = 15

    def __init__(self, rules: TopUpRules) -> None:
        self._codes = rules.codes
        self._named: dict[_Place, list[tuple[str, Tenant]]] = {}
        self._wanted: dict[_Place, str] = {}
        self._owners: dict[_Place, str] = {}
        self._delivered: set[_Place] = set()

    @classmethod
    def under(cls, rules: Rules) -> Self:
        return cls(rules.of(TopUpRules))

    def want(self, topup_id: str, tenant: Tenant, given: Deliverable | None) -> None:
        place = self._place(tenant.environment, given)
        if place is not None:
            self._named.setdefault(place, []).append((topup_id, tenant))

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        """Claim each value for its top-up. Values are sorted, so that batches can't deadlock."""
        topups = read_set.working_set(TopUpWorkingSet)
        for place, named in sorted(self._named.items()):
            for topup_id, tenant in named:
                topup = topups.find(topup_id, tenant)
                if topup is not None and topup.status == "pending":
                    self._wanted[place] = topup_id
                    break
        rows = [(*place, topup_id) for place, topup_id in self._wanted.items()]
        for entered in await tx.fetch(_ENTER, rows=rows) if rows else ():
            self._owners[entered[0], entered[1]] = entered[2]

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        stray = [
            place
            for place, topup_id in self._wanted.items()
            if self._owners.get(place) == topup_id and place not in self._delivered
        ]
        for environment in sorted({place[0] for place in stray}):
            digests = [digest for named, digest in stray if named == environment]
            await tx.execute(_TAKE_BACK, environment=environment, digests=digests)

    def other(self, topup_id: str, environment: str, given: Deliverable | None) -> str | None:
        place = self._place(environment, given)
        owner = None if place is None else self._owners.get(place)
        return None if owner == topup_id else owner

    def note_delivered(self, environment: str, given: Deliverable | None) -> None:
        place = self._place(environment, given)
        if place is not None:
            self._delivered.add(place)

    def _place(self, environment: str, given: Deliverable | None) -> _Place | None:
        if given is None or given.value is None or given.kind not in UNIQUE_KINDS:
            return None
        return environment, digest_of(self._codes, given.value)


def digest_of(codes: VoucherCodes, value: str) -> str:
    return codes.digest(visible(value))


def delivered_values_of(state: BatchState) -> DeliveredValues:
    return state.working_set(DeliveredValues)


async def fill_step(tx: Transaction, codes: VoucherCodes) -> bool:
    row = await tx.fetch_one("SELECT after_id FROM handed_over_fill WHERE id = 1 FOR UPDATE")
    end = await tx.fetch_one("SELECT after_id FROM handed_over_fill WHERE id = 2")
    assert row is not None, "the migration has made it"
    assert end is not None, "the migration has made it"
    found = await tx.fetch(
        _DELIVERED, after_id=row["after_id"], end_id=end["after_id"], limit=FILLED_AT_ONCE
    )
    entered = [new for one in found if (new := _row_of(one, codes)) is not None]
    if entered:
        await tx.fetch(_ENTER, rows=_first_of_each(entered))
    if found:
        text = "UPDATE handed_over_fill SET after_id = :after_id WHERE id = 1"
        await tx.execute(text, after_id=found[-1]["id"])
    return len(found) == FILLED_AT_ONCE


def _row_of(topup: Row, codes: VoucherCodes) -> tuple[str, str, str] | None:
    given = _STORED.read(topup["deliverable"])
    kind = "code" if given is None else given.kind
    if topup["code"] is None or kind not in UNIQUE_KINDS:
        return None
    try:
        value = codes.issued(topup["id"], topup["code"])
    except SealBroken as error:
        _log.error("handed_over.seal_broken", extra={"fields": {"error": str(error)}})
        return None
    return topup["environment"], digest_of(codes, value), topup["id"]


def _first_of_each(rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    first: dict[_Place, tuple[str, str, str]] = {}
    for row in rows:
        first.setdefault(row[:2], row)
    return sorted(first.values())


_ENTER: Final = """
INSERT INTO handed_over (environment, digest, transaction_id)
SELECT v.environment, v.digest, v.transaction_id
FROM :rows[environment text, digest text, transaction_id text] AS v WHERE 1 = 1
ON CONFLICT (environment, digest) DO UPDATE SET digest = excluded.digest
RETURNING environment, digest, transaction_id
"""
_TAKE_BACK: Final = """
DELETE FROM handed_over WHERE environment = :environment AND digest IN :digests[text]
"""
_DELIVERED: Final = """
SELECT id, environment, fulfilment_code AS code, deliverable FROM topups
WHERE id > :after_id AND id < :end_id ORDER BY id LIMIT :limit
"""
