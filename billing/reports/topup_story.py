"""Collect everything that followed from one send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from billing.ledger.chart import OPERATORS_OWN
from billing.ledger.ledger import Transfer, transfers_of
from billing.topups import fulfilment as attempts, reverse, topup as topups
from billing.topups.approval import Approval, load_for_topups
from billing.topups.fulfilment import Attempt
from billing.topups.mail import Mail, of_topups
from billing.topups.queries import ledger_labels
from billing.topups.reverse import TopUpReversal
from billing.topups.topup import TopUp
from kernel.errors import NotFound
from kernel.ids import made_at
from kernel.tenant import Tenant
from kernel.trace import request_id_of
from keys import sandbox_clock
from store.database import Transaction
from webhooks.deliveries.log import (
    AttemptOutcome,
    Delivery,
    DeliveryFilter,
    list_deliveries,
    outcomes_of,
)

DELIVERIES_SHOWN: Final = 20
# If a request ID's time is further before the send than this, the ID was made up or comes from a wrong clock.
_REQUEST_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class StoryEvent:
    id: str
    type: str
    created_at: int


@dataclass(frozen=True, slots=True)
class TopUpStory:
    topup: TopUp
    request_id: str | None
    began_at: int | None
    transfers: Sequence[Transfer]
    labels: Mapping[str, str]
    approval: Approval | None
    attempts: Sequence[Attempt]
    mails: Sequence[Mail]
    reversal: TopUpReversal | None
    events: Sequence[StoryEvent]
    deliveries: Sequence[Delivery]
    has_more_deliveries: bool
    outcomes: Sequence[AttemptOutcome]
    urls: Mapping[str, str]


async def topup_story(
    tx: Transaction, tenant: Tenant, topup_id: str, *, with_deliveries: bool, now_us: int
) -> TopUpStory:
    """Raise NotFound if the account has no such top-up."""
    found = (await topups.load(tx, [topup_id])).get(topup_id)
    if found is None or found.tenant != tenant:
        raise NotFound("Transaction", param="transaction_id")
    moved = [one for one in await transfers_of(tx, [topup_id]) if one.code not in OPERATORS_OWN]
    rows = await tx.fetch(_EVENTS, id=topup_id)
    trace = found.trace or next((row["trace"] for row in rows), None)
    request_id = None if trace is None else request_id_of(trace)
    asked = (await load_for_topups(tx, [topup_id])).get(topup_id)
    if asked is not None:
        asked = asked.at(await sandbox_clock.now_of(tx, tenant, now_us=now_us))
    deliveries, has_more = (
        await _deliveries(tx, tenant, topup_id) if with_deliveries else ((), False)
    )
    return TopUpStory(
        found,
        request_id,
        _began_at(request_id, found.created_at),
        moved,
        await ledger_labels(tx, [side for t in moved for side in (t.debit_id, t.credit_id)]),
        asked,
        await attempts.load(tx, [topup_id]),
        (await of_topups(tx, [topup_id])).get(topup_id, ()),
        (await reverse.load(tx, [topup_id])).get(topup_id),
        [StoryEvent(row["id"], row["type"], row["created_at"]) for row in rows],
        deliveries,
        has_more,
        await outcomes_of(tx, tenant, [one.id for one in deliveries]),
        await _urls(tx, [one.endpoint_id for one in deliveries]),
    )


async def _deliveries(
    tx: Transaction, tenant: Tenant, topup_id: str
) -> tuple[Sequence[Delivery], bool]:
    wanted = DeliveryFilter(transaction_id=topup_id)
    found = await list_deliveries(tx, tenant, wanted=wanted, limit=DELIVERIES_SHOWN)
    return list(reversed(found.deliveries)), found.next is not None


async def _urls(tx: Transaction, endpoint_ids: Sequence[str]) -> dict[str, str]:
    ids = sorted(set(endpoint_ids))
    rows = await tx.fetch("SELECT id, url FROM endpoints WHERE id IN :ids[text]", ids=ids)
    return {row["id"]: row["url"] for row in rows}


def _began_at(request_id: str | None, decided_at: int) -> int | None:
    """Return the request's time. Return None if it is implausible, because callers can make up request IDs."""
    try:
        began_at = made_at(request_id or "")
    except ValueError:
        return None
    return began_at if 0 <= decided_at - began_at <= _REQUEST_US else None


_EVENTS = """
SELECT id, type, created_at, trace FROM events WHERE transaction_id = :id ORDER BY event_no
"""
