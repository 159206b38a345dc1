"""Compare events with the rows that they describe.

The newest event must match the row's current state. Every event must match the columns that never change. Test events
are skipped.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.rule import OWN
from billing.proof.check import ROWS_AT_ONCE, Broken, Place, Step, differs, fails
from kernel.clock import rfc3339
from store.database import Row, Transaction

ITSELF: Final = "an event is what its signed body says"
HAS_TOPUP: Final = "an event of a top-up has its top-up"
TOPUP: Final = "a top-up is what its events told"
TOPUP_STATE: Final = "a top-up is in the state that its newest event told"
ORDER: Final = "an order is what its newest event told"
APPROVAL: Final = "an approval was decided as its event told"
PLAN: Final = "a subscription is what its newest event told"
BATCH: Final = "a bulk send ended as its event told"

_PAGE: Final = f"""
SELECT event_no, id, type, transaction_id, is_sample, body, created_at FROM events
WHERE {OWN} AND event_no < :below ORDER BY event_no DESC LIMIT {ROWS_AT_ONCE}"""
_NEWER: Final = f"""
SELECT event_no, id, type, transaction_id, is_sample, body, created_at FROM events
WHERE {OWN} AND event_no > :top ORDER BY event_no LIMIT {ROWS_AT_ONCE}"""
_NEWEST: Final = """
SELECT transaction_id, MAX(event_no) AS event_no FROM events
WHERE transaction_id IN :ids[text] AND is_sample = 0 AND type IN :types[text]
GROUP BY transaction_id"""
_TOPUPS: Final = """
SELECT id, status, platform, amount_cents, fee_cents, recipient_email, reference, spent_by,
    new_balance_cents, failure_reason, scheduled_for FROM topups WHERE id IN :ids[text]"""
_ORDERS: Final = """
SELECT id, status, provider, amount, currency, pay_amount, pay_currency, credits_micros,
    refunded_amount, paid_amount, paid_currency, paid_at, trial_days, order_no, kind, reason
FROM orders WHERE id IN :ids[text]"""
_APPROVALS: Final = "SELECT id, status, transaction_id FROM approvals WHERE id IN :ids[text]"
_PLANS: Final = """
SELECT id, status, amount, currency, credits_micros, plan_id, trial_ends_at, paid_until_at
FROM subscriptions WHERE id IN :ids[text]"""
_BATCHES: Final = "SELECT id, status, items FROM batches WHERE id IN :ids[text]"
_TOPUP_TYPES: Final = (
    *("topup.delivered", "topup.failed", "topup.cancelled", "topup.pending", "topup.scheduled"),
    "topup.reversed",
)
_ORDER_TYPES: Final = (
    *("order.paid", "order.failed", "order.refunded", "order.restored"),
    *("order.disputed", "order.dispute_lost"),
)
# After an event with this state, a row may move to one of these states without an event.
_SILENT: Final[Mapping[str, frozenset[str]]] = {
    "delivered": frozenset({"reversing"}),
    "pending": frozenset({"scheduled"}),
    "scheduled": frozenset({"pending"}),
}
# Older releases reported a dispute as a refund or not at all, so the state is checked elsewhere.
_SILENT_DISPUTE: Final[Mapping[str, frozenset[str]]] = {
    "disputed": frozenset({"partially_refunded", "refunded"}),
    "partially_refunded": frozenset({"disputed"}),
    "refunded": frozenset({"disputed"}),
}


class _Body(msgspec.Struct):
    id: str
    type: str
    created_at: str
    sequence: int | None = None
    data: dict[str, Any] = {}


_decode: Final = msgspec.json.Decoder(_Body).decode


class _Event(msgspec.Struct, frozen=True):
    no: int
    id: str
    type: str
    transaction_id: str | None
    created_at: int
    is_sample: bool
    body: _Body | None

    @property
    def data(self) -> Mapping[str, Any]:
        return {} if self.body is None else self.body.data


class EventCheck:
    rules = (ITSELF, HAS_TOPUP, TOPUP, TOPUP_STATE, ORDER, APPROVAL, PLAN, BATCH)

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._top = 0

    async def step(self, tx: Transaction, at: Place) -> Step:
        below = int(at.after) if at.after else 2**62
        rows = await tx.fetch(_PAGE, **at.tenant._asdict(), below=below)
        events = [_event(row) for row in rows]
        if at.after:
            newer = await tx.fetch(_NEWER, **at.tenant._asdict(), top=self._top)
            self._seen |= {one.data.get("id", "") for one in map(_event, newer)}
        elif events:
            self._top = events[0].no
        broken = [one for each in events for one in _itself(each)]
        real = [one for one in events if not one.is_sample and one.body is not None]
        broken += await self._topups(tx, real)
        broken += await self._orders(tx, real)
        broken += await _approvals(tx, real)
        broken += await self._plans(tx, real)
        is_over = len(rows) < ROWS_AT_ONCE or events[-1].created_at < at.since_us
        return Step(broken, None if is_over else str(events[-1].no))

    async def _topups(self, tx: Transaction, events: Sequence[_Event]) -> list[Broken]:
        told = [one for one in events if one.type.startswith("topup.")]
        rows = await _by_id(tx, _TOPUPS, [one.data.get("transaction_id") for one in told])
        newest = await _newest(tx, told, _TOPUP_TYPES)
        broken: list[Broken] = []
        for one in told:
            topup_id = str(one.data.get("transaction_id"))
            row = rows.get(topup_id)
            if row is None or one.transaction_id != topup_id:
                broken.append(Broken(HAS_TOPUP, one.id, 1, 0))
                continue
            is_newest = newest.get(topup_id) == one.no
            broken += _topup(one, row, is_newest=is_newest)
        return broken

    async def _orders(self, tx: Transaction, events: Sequence[_Event]) -> list[Broken]:
        told = [one for one in events if one.type in _ORDER_TYPES]
        rows = await _by_id(tx, _ORDERS, [one.data.get("id") for one in told])
        newest = await _newest(tx, told, _ORDER_TYPES)
        broken: list[Broken] = []
        for one in told:
            row = rows.get(str(one.data.get("id")))
            if row is None:
                broken.append(Broken(ORDER, one.id, 1, 0))
            elif newest.get(one.transaction_id or "") == one.no:
                broken += _order(one.type, one.data, row)
        return broken

    async def _plans(self, tx: Transaction, events: Sequence[_Event]) -> list[Broken]:
        """Check the newest event of each plan or batch. Events must be read newest first."""
        told: dict[str, _Event] = {}
        for one in events:
            name = str(one.data.get("id", ""))
            if one.type.startswith(("subscription.", "batch.")) and name not in self._seen:
                told[name] = one
                self._seen.add(name)
        plans = await _by_id(tx, _PLANS, list(told))
        batches = await _by_id(tx, _BATCHES, list(told))
        broken: list[Broken] = []
        for name, one in told.items():
            if one.type.startswith("batch."):
                broken += _batch(name, one.data, batches.get(name))
            else:
                broken += _plan(name, one.data, plans.get(name))
        return broken


def _event(row: Row) -> _Event:
    try:
        body = _decode(bytes(row["body"]))
    except msgspec.MsgspecError:
        body = None
    return _Event(
        int(row["event_no"]),
        row["id"],
        row["type"],
        row["transaction_id"],
        int(row["created_at"]),
        bool(row["is_sample"]),
        body,
    )


def _itself(one: _Event) -> Iterator[Broken]:
    body = one.body
    is_true = body is not None and (body.id, body.type, body.created_at) == (
        *(one.id, one.type),
        rfc3339(one.created_at),
    )
    is_in_order = body is None or body.sequence in {None, one.no}
    yield from fails(ITSELF, one.id, is_true=is_true and is_in_order)


async def _by_id(tx: Transaction, text: str, ids: Sequence[str | None]) -> Mapping[str, Row]:
    wanted = sorted({one for one in ids if one})
    return {row["id"]: row for row in await tx.fetch(text, ids=wanted)} if wanted else {}


async def _newest(
    tx: Transaction, events: Sequence[_Event], types: Sequence[str]
) -> Mapping[str, int]:
    wanted = sorted({one.transaction_id for one in events if one.transaction_id})
    if not wanted:
        return {}
    rows = await tx.fetch(_NEWEST, ids=wanted, types=list(types))
    return {row["transaction_id"]: int(row["event_no"]) for row in rows}


def _topup(one: _Event, row: Row, *, is_newest: bool) -> Iterator[Broken]:
    data, row_id = one.data, row["id"]
    for name in ("amount_cents", "fee_cents"):
        if name in data:
            yield from differs(TOPUP, row_id, data[name] or 0, row[name] or 0)
    spent_by = (row["spent_by"] or "").split()
    given = {
        "platform": row["platform"],
        "recipient_email": row["recipient_email"],
        "key_id": spent_by[0] if spent_by else None,
    }
    # A top-up loses its reference if it is cancelled because its batch was refused.
    if row["status"] != "cancelled":
        given["reference"] = row["reference"]
    yield from fails(
        TOPUP, row_id, is_true=all(data.get(name, value) == value for name, value in given.items())
    )
    if not is_newest or "status" not in data:
        return
    told, status = data["status"], row["status"]
    yield from fails(TOPUP_STATE, row_id, is_true=told == status or status in _SILENT.get(told, ()))
    if told == status:
        yield from differs(
            TOPUP, row_id, data.get("new_balance_cents") or 0, row["new_balance_cents"] or 0
        )


def _order(kind: str, data: Mapping[str, Any], row: Row) -> Iterator[Broken]:
    row_id = row["id"]
    for name in ("amount", "pay_amount", "refunded_amount"):
        if name in data:
            yield from differs(ORDER, row_id, data[name], row[name])
    yield from differs(
        ORDER, row_id, data["credits"], int(row["credits_micros"]) // MICROS_PER_CREDIT
    )
    named = ("provider", "currency", "pay_currency", "order_no")
    is_same = all(data[name] == row[name] for name in named if name in data)
    status = data.get("status", row["status"])
    # No event reports that a late payment is waiting for an operator, but the order's reason says so.
    is_reviewed = row["status"] == "review" and row["reason"] != data.get("reason")
    silent = () if "dispute" in kind else _SILENT_DISPUTE.get(status, ())
    is_told = is_reviewed or row["status"] in {status, *silent}
    yield from fails(ORDER, row_id, is_true=is_same and is_told)
    if "paid_amount" in data:
        is_other = row["paid_amount"] is not None and row["paid_currency"] is not None
        paid = row["paid_amount"] if is_other else row["pay_amount"]
        is_here = row["paid_currency"] in {None, row["pay_currency"]}
        shown = paid if row["paid_at"] is not None and is_here else None
        yield from differs(ORDER, row_id, data["paid_amount"] or 0, shown or 0)


async def _approvals(tx: Transaction, events: Sequence[_Event]) -> list[Broken]:
    told = [one for one in events if one.type.startswith("approval.")]
    shown = {one.id: one.data.get("approval") or {} for one in told}
    rows = await _by_id(tx, _APPROVALS, [one.get("id") for one in shown.values()])
    broken: list[Broken] = []
    for one in told:
        row = rows.get(str(shown[one.id].get("id")))
        said = shown[one.id].get("status")
        if row is None:
            broken.append(Broken(APPROVAL, one.id, 1, 0))
        elif said != "pending":
            broken += fails(APPROVAL, row["id"], is_true=row["status"] == said)
    return broken


def _plan(name: str, data: Mapping[str, Any], row: Row | None) -> Iterator[Broken]:
    if row is None:
        yield Broken(PLAN, name, 1, 0)
        return
    said = "active" if data["status"] == "trialing" else data["status"]
    yield from fails(PLAN, name, is_true=said == row["status"])
    yield from differs(PLAN, name, data["amount"], row["amount"])
    yield from differs(PLAN, name, data["credits"], int(row["credits_micros"]) // MICROS_PER_CREDIT)


def _batch(name: str, data: Mapping[str, Any], row: Row | None) -> Iterator[Broken]:
    is_true = row is not None and (data["status"], data["items"]) == (row["status"], row["items"])
    yield from fails(BATCH, name, is_true=is_true)
