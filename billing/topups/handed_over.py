"""Delivered codes, keys and links: each value is delivered for one top-up of its environment.

The row is written in the delivery's transaction, before the delivery is decided, so of two top-ups
with one value only one is delivered. A value is stored as a keyed digest; the key survives a
rotation of the master key.
"""

import logging
from collections.abc import Sequence
from typing import Final, Self

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet, WorkingSet
from billing.engine.rules import Rules
from billing.topups.deliverable import Deliverable, StoredDeliverable, visible
from billing.topups.rules import TopUpRules
from billing.topups.voucher import VoucherCodes
from billing.topups.working_set import TopUpWorkingSet
from kernel.tenant import Tenant
from keys.vault import SealBroken
from store.database import Row, Transaction
from store.row_mapping import as_json

# Credit has no value, and many notes may be equal.
UNIQUE_KINDS: Final = frozenset({"code", "key", "link"})
FILLED_AT_ONCE: Final = 1_000

_log = logging.getLogger(__name__)
_STORED = as_json(StoredDeliverable)
_Place = tuple[str, str]  # environment, digest


class DeliveredValues(WorkingSet):
    """Which top-ups have the values that the batch's commands deliver."""

    rank = 15

    def __init__(self, rules: TopUpRules) -> None:
        self._codes = rules.codes
        self._named: dict[_Place, list[tuple[str, Tenant]]] = {}  # in the order of the commands
        self._wanted: dict[_Place, str] = {}  # by the first of them that may be delivered
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
        """Claim each value for its top-up unless another one has it; sorted, so batches can't deadlock. Ended
        top-ups are skipped: a repeated word must not block the next one.
        """
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
        """Remove the claims of top-ups that weren't delivered after all."""
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
    """Enter the next delivered top-ups that the table lacks; return False when none is left. A value of two
    top-ups stays with the earlier one.
    """
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
    """Return the row of a top-up; None if it has no value of its own or its seal is broken."""
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
