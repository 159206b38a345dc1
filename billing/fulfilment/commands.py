"""What operators do to platforms, suppliers and stock: this is where commands and pages meet.

Promise: each act has its entry in the audit log, in its own transaction, whoever does it and by which
way; no entry holds a secret. Whoever changes a row sees what others changed before, so of two changes at
once neither is undone. A running gateway or worker sees a change within about a second.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from billing.fulfilment.options import checked_options, opened_options, shown_options, with_options
from billing.fulfilment.protocol import OptionsRefused, Registration
from billing.fulfilment.supplier_rules import check_secret, check_where
from billing.topups import platform_rows
from billing.topups.platform_rows import SupplierRow
from kernel.clock import rfc3339
from kernel.errors import InvalidInput
from keys import audit_log
from keys.audit_log import Actor
from keys.vault import Vault
from store.database import Transaction

Registrations = Mapping[str, Registration]


def supplier_shape(row: SupplierRow) -> dict[str, Any]:
    """A supplier as every door shows it: of its secrets the last characters at most."""
    return {
        "environment": row.environment,
        "id": row.id,
        "kind": row.kind,
        "options": shown_options(row),
        "active": row.is_active,
        "simulated": row.is_simulated,
        "paused_at": None if row.paused_at is None else rfc3339(row.paused_at),
        "breaker_opened_at": None
        if row.breaker_opened_at is None
        else rfc3339(row.breaker_opened_at),
        "last_error": row.last_error,
        "last_error_at": None if row.last_error_at is None else rfc3339(row.last_error_at),
    }


async def add_supplier(
    tx: Transaction,
    row: SupplierRow,
    given: Mapping[str, Any],
    registrations: Registrations,
    vault: Vault,
    *,
    by: Actor,
    now_us: int,
) -> SupplierRow:
    """given: its options, secrets too; raises InvalidInput and PlatformTaken.

    Its callbacks have a secret that no other supplier of the environment has. vault: under the suppliers'
    own data key. A simulated supplier takes no options.
    """
    registration = _registration(registrations, row.kind)
    if row.is_simulated and given:
        raise InvalidInput("A simulated supplier takes no options.", param="options")
    if not row.is_simulated:
        await platform_rows.lock(tx)
        row = _with_options(row, registration, given, vault)
        await check_secret(tx, None, row, registrations, vault)
    made = await platform_rows.put_supplier(tx, row, is_new=True)
    await audit_log.record_change(
        tx, by, "supplier.create", row.environment, row.id, None, supplier_shape(made), now_us
    )
    return made


async def change_supplier(
    tx: Transaction,
    environment: str,
    supplier: str,
    changes: Mapping[str, Any],
    registrations: Registrations,
    vault: Vault,
    *,
    despite_open_attempts: bool = False,
    by: Actor,
    now_us: int,
) -> SupplierRow:
    """changes: options that are set anew, None takes one away; the others stay as they are.

    despite_open_attempts: another place may be asked for what is with the one of before.
    Raises NotFound, InvalidInput and SealBroken.
    """
    await platform_rows.lock(tx)
    before = await platform_rows.get_supplier(tx, environment, supplier)
    after = msgspec.structs.replace(before, changed_at=now_us)
    moved = None
    if changes:
        if before.is_simulated:
            raise InvalidInput("A simulated supplier takes no options.", param="options")
        merged = {**opened_options(before, vault), **changes}
        given = {name: value for name, value in merged.items() if value is not None}
        registration = _registration(registrations, before.kind)
        after = _with_options(after, registration, given, vault)
        await check_secret(tx, before, after, registrations, vault)
        moved = await check_where(
            tx, before, after, registration, despite_open_attempts=despite_open_attempts
        )
    await platform_rows.put_supplier(tx, after, is_new=False)
    told = {} if not moved else {"open_attempts": moved}
    shapes = (supplier_shape(before), {**supplier_shape(after), **told})
    await audit_log.record_change(tx, by, "supplier.update", environment, supplier, *shapes, now_us)
    return after


def _registration(registrations: Registrations, kind: str) -> Registration:
    found = registrations.get(kind)
    if found is None:
        known = ", ".join(sorted(registrations))
        raise InvalidInput(f"the kinds of suppliers are {known}", param="kind")
    return found


def _with_options(
    row: SupplierRow, registration: Registration, given: Mapping[str, Any], vault: Vault
) -> SupplierRow:
    try:
        checked_options(registration, given)
        return with_options(row, registration, given, vault)
    except OptionsRefused as error:
        raise InvalidInput(str(error), param="options") from None
