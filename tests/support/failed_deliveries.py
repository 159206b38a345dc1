"""Deliveries that have failed, written as the worker leaves them, for what replays many of them."""

from typing import Any

from kernel.clock import SECOND_US, SystemClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Transaction
from webhooks.events.event import render_event

AT_ONCE = 5_000
AGO_US = 3600 * SECOND_US
_EVENT = ("id", "account_id", "environment", "event_no", "type", "body", "created_at")
_DELIVERY = (
    "id",
    "event_id",
    "endpoint_id",
    "account_id",
    "environment",
    "event_type",
    "status",
    "attempts_made",
    "created_at",
    "settled_at",
)


async def make_failures(database: Database, tenant: Tenant, endpoint_id: str, count: int) -> None:
    """So many deliveries of an hour ago that have failed, one millisecond after the other."""
    account_id, environment = tenant
    first_us = SystemClock().now_us() - AGO_US
    type_ = "topup.delivered"
    for start in range(0, count, AT_ONCE):
        events, deliveries = [], []
        for number in range(start, min(start + AT_ONCE, count)):
            event_id, at_us = new_id("evt"), first_us + number * 1_000
            body = render_event(
                id=event_id,
                type=type_,
                created_at_us=at_us,
                environment=environment,
                sequence=number + 1,
                data={"number": number},
            )
            events.append((event_id, *tenant, -number - 1, type_, body, at_us))
            made = (new_id("dlv"), event_id, endpoint_id, account_id, environment, type_)
            deliveries.append((*made, "failed", 3, at_us, at_us + SECOND_US))

        async def work(
            tx: Transaction, events: list[Any] = events, deliveries: list[Any] = deliveries
        ) -> None:
            await tx.insert("events", _EVENT, events)
            await tx.insert("deliveries", _DELIVERY, deliveries)

        await database.transaction(work)
