"""A person holds a supplier, so that nobody asks it, or has it asked again at once.

Promise: what is meant for a held supplier waits and is not failed; workers see either within about a
second. Each act is in the audit log in its own transaction.
"""

from billing.desk.acts import NotNow
from billing.desk.decisions import REASON_CHARACTERS_MAX, Person
from billing.fulfilment.commands import supplier_shape
from billing.topups import platform_rows
from billing.topups.platform_rows import SupplierRow
from kernel.errors import InvalidInput
from keys import audit_log
from store.database import Transaction


async def hold(
    tx: Transaction, environment: str, supplier: str, *, reason: str, by: Person, now_us: int
) -> SupplierRow:
    """Nobody asks it until it is released; raises NotFound, InvalidInput and NotNow."""
    return await _change(tx, environment, supplier, now_us, reason=reason, by=by, now_us=now_us)


async def release(
    tx: Transaction, environment: str, supplier: str, *, reason: str, by: Person, now_us: int
) -> SupplierRow:
    """It is asked at once, whether a person held it or workers left it alone. Raises as `hold`."""
    return await _change(tx, environment, supplier, None, reason=reason, by=by, now_us=now_us)


async def _change(
    tx: Transaction,
    environment: str,
    supplier: str,
    held_since: int | None,
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
    if held_since is not None and before.held_since is not None:
        raise NotNow(f"{supplier} is held already")
    if held_since is None and before.held_since is None and before.resting_since is None:
        raise NotNow(f"{supplier} is neither held nor left alone: it is asked")
    after = await platform_rows.set_held(tx, before, held_since)
    entry = audit_log.entry(
        by.actor,
        "supplier.release" if held_since is None else "supplier.hold",
        environment=environment,
        subject_id=supplier,
        before=supplier_shape(before),
        after={**supplier_shape(after), "by": by.name},
        reason=reason,
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return after
