"""Read refunds: one, pages, an order's, and due ones."""

from billing.orders import uncredited_payment
from billing.orders.order import Order
from billing.orders.refund_row import OPEN, ROWS, Refund
from kernel.errors import NotFound
from store.database import Transaction
from store.due_rows import DueRows
from store.keyset import Begin, Keyset

# After this long without a response, an operator should check.
_OPEN_LIST = ", ".join(f"'{status}'" for status in sorted(OPEN))


async def find(tx: Transaction, refund_id: str, environment: str = "") -> Refund:
    row = await tx.fetch_one(f"SELECT {ROWS.listed} FROM refunds WHERE id = :id", id=refund_id)
    found = None if row is None else ROWS.read(row)
    if found is None or environment not in {"", found.environment}:
        raise NotFound("Refund")
    return found


async def currency_of(tx: Transaction, order: Order, payment_ref: str | None) -> str:
    found = await uncredited_payment.of_orders(tx, [order.id])
    named = (one.currency for one in found if one.payment_ref == payment_ref)
    return next(named, order.payment.currency)


async def of_order(tx: Transaction, order_id: str) -> list[Refund]:
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
    before_id: Begin = None,
    limit: int,
) -> list[Refund]:
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


# Whose provider is to be called.
DUE = DueRows("refunds", ROWS)
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
