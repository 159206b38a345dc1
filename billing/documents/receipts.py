"""Receipt."""

from collections.abc import Collection

from billing.documents import document
from billing.documents.document import BillingDocument, NoReceipt, NoSeller
from billing.documents.facts import Seller
from billing.documents.numbering import number_step
from billing.orders import records as order_list
from billing.orders.order import Order
from kernel.errors import Unavailable
from kernel.tenant import Tenant
from store.database import Database, Transaction

# With more due before it, the caller waits for the worker.
STEPS_MAX = 3


async def receipt(
    database: Database,
    tenant: Tenant,
    order_id: str,
    *,
    seller: Seller,
    mail_sent_in: Collection[str],
    now_us: int,
) -> BillingDocument:
    """Return the order's receipt, numbered at once if the worker hasn't come to it; for a plan's order its
    first period's. Raises NotFound, NoReceipt, NoSeller, and Unavailable while earlier payments are numbered.
    """

    async def look(tx: Transaction) -> tuple[Order, BillingDocument | None]:
        order = await order_list.get(tx, tenant, order_id)
        return order, await document.receipt_of(tx, tenant, order_id)

    for _ in range(STEPS_MAX):
        order, found = await database.read(look)
        if found is not None:
            return found
        if order.paid_at is None:
            raise NoReceipt(f"The order is {order.status}, so it has no receipt yet.")
        if tenant.environment == "live" and not seller.is_known:
            raise NoSeller("The operator must set TOPUP_SELLER_NAME before documents can be made.")
        numbered = await number_step(
            database, tenant.environment, seller, now_us=now_us, mail_sent_in=mail_sent_in
        )
        if not numbered:
            _, found = await database.read(look)
            if found is None:
                raise NoReceipt("Nothing was paid for the order, so there is no receipt.")
            return found
    _, found = await database.read(look)
    if found is None:
        raise Unavailable("Receipts of earlier payments are made first.", retry_after_s=10)
    return found
