"""Pause a supplier, so that nobody asks it, or resume it.

Promise: what is meant for a paused supplier waits and is not failed, whatever its kind; gateways and
workers see either within about a second. Each act is in the audit log in its own transaction.
"""

from billing.desk.acts import NotNow
from billing.desk.decisions import REASON_CHARACTERS_MAX, Person
from billing.fulfilment.commands import supplier_shape
from billing.topups import platform_rows
from billing.topups.platform_rows import SupplierRow
from kernel.errors import InvalidInput
from keys import audit_log
from store.database import Transaction


async def pause(
    tx: Transaction, environment: str, supplier: str, *, reason: str, by: Person, now_us: int
) -> SupplierRow:
    """Stop asking it until it is resumed; raises NotFound, InvalidInput and NotNow."""
    return await _change(tx, environment, supplier, now_us, reason=reason, by=by, now_us=now_us)


async def resume(
    tx: Transaction, environment: str, supplier: str, *, reason: str, by: Person, now_us: int
) -> SupplierRow:
    """Ask it again at once, whether it was paused or workers left it alone. Raises as `pause`."""
    return await _change(tx, environment, supplier, None, reason=reason, by=by, now_us=now_us)


async def _change(
    tx: Transaction,
    environment: str,
    supplier: str,
    paused_at: int | None,
    *,
    reason: str,
    by: Person,
    now_us: int,
) -> SupplierRow:
    await platform_rows.lock(tx)
    before = await platform_rows.get_supplier(tx, environment, supplier)
    if not 1 <= len(reason.strip()) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(
            f"say why, in at most {REASON_CHARACTERS_MAX} characters", param="reason"
        )
    if paused_at is not None and before.paused_at is not None:
        raise NotNow(f"Supplier {supplier} is already paused.")
    if paused_at is None and before.paused_at is None and before.breaker_opened_at is None:
        raise NotNow(f"Supplier {supplier} is already in use: it is neither paused nor resting.")
    after = await platform_rows.set_paused(tx, before, paused_at)
    entry = audit_log.entry(
        by.actor,
        "supplier.resume" if paused_at is None else "supplier.pause",
        environment=environment,
        subject_id=supplier,
        before=supplier_shape(before),
        after={**supplier_shape(after), "by": by.name},
        reason=reason,
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return after
