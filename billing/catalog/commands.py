"""What operators do to the catalogue: plans.

Promise: each act has its entry in the audit log, in its own transaction, whoever does it and by which
way: this is where the administration's API, pages and commands meet.
"""

from collections.abc import Mapping
from typing import Any

from billing.catalog import plan as plans
from billing.catalog.plan import Plan, PlanKey
from billing.catalog.product_fields import ProductFields
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction

Shape = Mapping[str, Any]


async def create_plan(
    tx: Transaction, plan: Plan, fields: ProductFields, *, by: Actor, now_us: int
) -> Plan:
    """Raises InvalidInput and PlanTaken."""
    made = await plans.create(tx, plan, fields)
    after = made.shape(fields)
    await audit_log.record_change(
        tx, by, "plan.create", made.environment, made.id, None, after, now_us
    )
    return made


async def change_plan(
    tx: Transaction,
    place: PlanKey,
    changes: Mapping[str, Any],
    fields: ProductFields,
    *,
    by: Actor,
    now_us: int,
) -> Plan:
    """Raises NotFound, InvalidInput and PlanTaken."""
    before, after = await plans.change(tx, place, changes, fields)
    await audit_log.record_change(
        tx, by, "plan.update", *place, before.shape(fields), after.shape(fields), now_us
    )
    return after
