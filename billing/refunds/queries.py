"""Reading refunds: one, pages of an environment's, those of an order, and what is due. Writes nothing."""

from collections.abc import Sequence
from typing import Any

from billing.ledger.price import Price
from billing.orders import uncredited_payment
from billing.orders.order import Order
from billing.orders.refund_row import OPEN, ROWS, Refund
from kernel.clock import rfc3339
from kernel.errors import NotFound
from store.database import Transaction
from store.keyset import Keyset

# What a person should look at: no word for so long.
_OPEN_LIST = ", ".join(f"'{status}'" for status in sorted(OPEN))


async def find(tx: Transaction, refund_id: str, environment: str) -> Refund:
    """The refund, whoever owns it; raises NotFound, also for one of the other environment."""
    row = await tx.fetch_one(f"SELECT {ROWS.listed} FROM refunds WHERE id = :id", id=refund_id)
    found = None if row is None else ROWS.read(row)
    if found is None or found.environment != environment:
        raise NotFound("Refund")
    return found


async def currency_of(tx: Transaction, order: Order, payment_ref: str | None) -> str:
    """What the payment of that name was made in; without a name the order's own."""
    found = await uncredited_payment.of_orders(tx, [order.id])
    named = (one.currency for one in found if one.payment_ref == payment_ref)
    return next(named, order.payment.currency)


async def of_order(tx: Transaction, order_id: str) -> list[Refund]:
    """Those of the order and of its plan's periods, the newest first."""
    rows = await tx.fetch(
        f"SELECT {ROWS.listed} FROM refunds WHERE order_id = :order_id ORDER BY id DESC",
        order_id=order_id,
    )
    return [ROWS.read(row) for row in rows]


async def page(
    tx: Transaction,
    environment: str,
    *,
    status: str | None = None,
    is_open_only: bool = False,
    order_id: str | None = None,
    account_id: str | None = None,
    before_id: str | None = None,
    limit: int,
) -> list[Refund]:
    """At most `limit` refunds of everybody's, newest first, older than before_id."""
    rows = await _PAGES.page(
        tx,
        environment=environment,
        status=status,
        order_id=order_id,
        account_id=account_id,
        is_open_only=is_open_only,
        before_id=before_id,
        limit=limit,
    )
    return [ROWS.read(row) for row in rows]


async def due(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    but_ids: Sequence[str] = (),
    but_places: Sequence[str] = (),
) -> list[Refund]:
    """Those whose provider is to be asked, the longest due first; but for the named.

    but_places: providers left out, each as "environment/provider".
    """
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM refunds
            WHERE next_check_at IS NOT NULL AND next_check_at <= :now AND NOT id IN :but_ids[text]
              AND NOT environment || '/' || provider IN :but_places[text]
            ORDER BY next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_ids=but_ids,
        but_places=but_places,
    )
    return [ROWS.read(row) for row in rows]


async def next_due_at(
    tx: Transaction, *, but_ids: Sequence[str] = (), but_places: Sequence[str] = ()
) -> int | None:
    """When a provider is to be asked next, or None; but for the named refunds and places."""
    row = await tx.fetch_one(
        """SELECT next_check_at FROM refunds
           WHERE next_check_at IS NOT NULL AND NOT id IN :but_ids[text]
             AND NOT environment || '/' || provider IN :but_places[text]
           ORDER BY next_check_at LIMIT 1""",
        but_ids=but_ids,
        but_places=but_places,
    )
    return None if row is None else int(row["next_check_at"])


def record_of(refund: Refund) -> dict[str, Any]:
    """The refund as operators see it; amount in the smallest unit of its currency."""
    return {
        "id": refund.id,
        "status": refund.status,
        "amount": refund.amount,
        "currency": refund.currency,
        "amount_decimal": Price(refund.amount, refund.currency).decimal(),
        "order_id": refund.order_id,
        "period_id": None if refund.period_start_at is None else refund.owner_id,
        "account_id": refund.account_id,
        "provider": refund.provider,
        "payment": refund.payment_ref,
        "provider_refund_id": refund.provider_refund_id,
        "made_at_provider": refund.is_made_at_provider,
        "reason": refund.reason,
        "detail": refund.detail,
        "held_micros": refund.held_micros,
        "requested_by": refund.requested_by,
        "created_at": rfc3339(refund.created_at),
        "ended_at": None if refund.ended_at is None else rfc3339(refund.ended_at),
    }


_PAGES = Keyset(
    ROWS.listed,
    "refunds",
    "environment = :environment",
    filters={
        "status": "status = :status",
        "order_id": "order_id = :order_id",
        "account_id": "account_id = :account_id",
        "is_open_only": f"status IN ({_OPEN_LIST})",
    },
)
