"""One order's timeline: its transfers, events, and what was returned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from billing.ledger.statement import account_label, transfer_shape
from billing.orders import queries as orders
from billing.orders.order import Order
from kernel.clock import rfc3339
from kernel.tenant import Tenant
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class Returned:
    kind: str
    amount: int
    status: str
    created_at: int


@dataclass(frozen=True, slots=True)
class OrderTimeline:
    order: Order
    transfers: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    went_back: Sequence[Returned]


async def own_timeline(tx: Transaction, tenant: Tenant, order_id: str) -> OrderTimeline:
    return await timeline_of(tx, await orders.get(tx, tenant, order_id))


async def timeline_of(tx: Transaction, order: Order) -> OrderTimeline:
    """Return what is known of the order; the caller checked whose it is."""
    tenant = {"account_id": order.account_id, "environment": order.environment}
    moved = await tx.fetch(
        """SELECT t.id, t.amount_micros, t.code, t.created_at, d.kind AS debit_kind,
                  d.name AS debit_name, c.kind AS credit_kind, c.name AS credit_name
           FROM transfers t
           JOIN ledger_accounts d ON d.id = t.debit_id
           JOIN ledger_accounts c ON c.id = t.credit_id
           WHERE t.subject_id IN (SELECT :order_id UNION
                   SELECT id FROM refunds WHERE order_id = :order_id) AND t.account_id = :account_id
             AND t.environment = :environment
           ORDER BY t.id""",
        order_id=order.id,
        **tenant,
    )
    events = await tx.fetch(
        """SELECT id, type, created_at FROM events
           WHERE transaction_id = :reference AND account_id = :account_id
             AND environment = :environment
           ORDER BY event_no""",
        reference=order.reference,
        **tenant,
    )
    went_back = await tx.fetch(
        """SELECT kind, amount, status, created_at FROM order_reversals
           WHERE order_id = :order_id AND account_id = :account_id AND environment = :environment
           ORDER BY created_at, key""",
        order_id=order.id,
        **tenant,
    )
    return OrderTimeline(
        order,
        [
            transfer_shape(
                row["id"],
                account_label(row["debit_kind"], row["debit_name"]),
                account_label(row["credit_kind"], row["credit_name"]),
                row["amount_micros"],
                row["code"],
                row["created_at"],
            )
            for row in moved
        ],
        [
            {"id": row["id"], "type": row["type"], "created_at": rfc3339(row["created_at"])}
            for row in events
        ],
        returned_of(
            [
                Returned(row["kind"], row["amount"], row["status"], row["created_at"])
                for row in went_back
            ]
        ),
    )


def returned_of(told: Sequence[Returned]) -> list[Returned]:
    """Return each refund and dispute once: single ones, and the sums' unexplained part. Stripe reports a
    refund by itself (part) and in the charge's sum (refund).
    """
    standing = [one for one in told if one.status != "replaced"]
    parts = [one for one in standing if one.kind == "part"]
    sums = [one for one in standing if one.kind == "refund"]
    if parts and sums:
        failed = sum(one.amount for one in parts if one.status == "failed")
        done = sum(one.amount for one in parts if one.status != "failed")
        rest = sum(one.amount for one in sums if one.status != "failed") - failed - done
        sums = [replace(sums[0], amount=rest)] if rest > 0 else []
    refunds = [replace(one, kind="refund") for one in (*parts, *sums)]
    disputes = [one for one in standing if one.kind == "dispute"]
    return sorted([*refunds, *disputes], key=lambda one: one.created_at)
