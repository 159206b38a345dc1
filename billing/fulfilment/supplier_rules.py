"""Refuse a change of a supplier after which its open top-ups could be done twice or settled wrongly.

Secrets are opened only to compare; no message holds one.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from billing.fulfilment.options import checked_options, opened_options
from billing.fulfilment.protocol import OptionsRefused, Registration
from billing.topups.attempt import count_open
from billing.topups.platform_rows import SupplierRow, list_suppliers
from kernel.errors import DomainError, InvalidInput
from keys.signatures.signing import secret_key
from keys.vault import SealBroken, Vault
from store.database import Transaction


async def check_where(
    tx: Transaction,
    before: SupplierRow,
    after: SupplierRow,
    registration: Registration,
    *,
    despite_open_attempts: bool,
) -> int | None:
    """Return how many attempts are open at a supplier that moves; None: it doesn't move.

    Raises InvalidInput if there are any and the operator didn't allow it: the new place, not knowing the old
    one's work, would do it again.
    """
    moved = [one for one in registration.where if before.options.get(one) != after.options.get(one)]
    if not moved:
        return None
    attempts = await count_open(tx, before.environment, before.id)
    if attempts and not despite_open_attempts:
        raise InvalidInput(
            f"{attempts} top-ups with {before.id} have an open outcome. With another "
            f"{' or '.join(moved)} they may be done twice. Pause the supplier and decide on "
            "them first; or change it despite open attempts, if that is the same service "
            "with the same records.",
            param="despite_open_attempts",
        )
    return attempts


async def check_secret(
    tx: Transaction,
    before: SupplierRow | None,
    after: SupplierRow,
    registrations: Mapping[str, Registration],
    vault: Vault,
) -> None:
    """Raise InvalidInput for a new secret that another supplier of the environment signs with. The caller
    holds the rows' lock.
    """
    signs = _signs_with(after, registrations, vault)
    if signs is None or (before is not None and signs == _signs_with(before, registrations, vault)):
        return
    for other in await list_suppliers(tx, after.environment):
        known = None if other.id == after.id else _signs_with(other, registrations, vault)
        if known is not None and hmac.compare_digest(known, signs):
            raise InvalidInput(
                f"{other.id} has the same secret, and a callback is known by its secret alone. "
                "Make one for each supplier.",
                param="options",
            )


def _signs_with(
    row: SupplierRow, registrations: Mapping[str, Registration], vault: Vault
) -> bytes | None:
    registration = registrations.get(row.kind)
    if registration is None or registration.callback_secret is None or row.is_simulated:
        return None
    try:
        given: Mapping[str, Any] = opened_options(row, vault)
        return secret_key(registration.callback_secret(checked_options(registration, given)))
    except (OptionsRefused, SealBroken, DomainError):
        return None
