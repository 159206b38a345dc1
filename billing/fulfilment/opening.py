"""Set up the platforms of a new installation: claude, chatgpt, gemini, and those in TOPUP_PLATFORMS.

They are added once. A platform without a supplier uses `wallet` in staging and isn't offered in live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.fulfilment.options import with_options
from billing.fulfilment.protocol import OptionsRefused, Registration
from billing.topups import platform_rows
from billing.topups.platform import (
    BUILT_IN,
    MAX_AMOUNT_CENTS,
    MIN_AMOUNT_CENTS,
    WALLET,
    Platform,
)
from billing.topups.platform_rows import PlatformRow, SupplierRow
from keys.vault import Vault
from store.database import Transaction

ENVIRONMENTS = ("staging", "live")


@dataclass(frozen=True, slots=True)
class FirstPlatform:
    """A platform of a new installation. If the kind is new_api, `staging` names another instance to use in staging.
    Without `staging`, the supplier is simulated.
    """

    id: str
    name: str
    min_amount_cents: int = MIN_AMOUNT_CENTS
    max_amount_cents: int = MAX_AMOUNT_CENTS
    kind: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


async def enter_first(
    tx: Transaction,
    configured: Sequence[FirstPlatform],
    registrations: Mapping[str, Registration],
    vault: Vault,
    *,
    now_us: int,
) -> bool:
    if await platform_rows.version(tx) > 0:
        return False
    await platform_rows.lock(tx)
    if await platform_rows.version(tx) > 0:
        return False
    by_id = {one.id: FirstPlatform(one.id, one.name) for one in BUILT_IN}
    by_id.update({one.id: one for one in configured})
    for environment in ENVIRONMENTS:
        if environment == "staging" or any(one.kind == WALLET for one in by_id.values()):
            await _add(tx, _row(environment, WALLET, WALLET, now_us))
        for one in by_id.values():
            await _enter(tx, environment, one, registrations, vault, now_us)
    return True


async def name_wallet(tx: Transaction, environment: str, *, now_us: int) -> Sequence[Platform]:
    book = await platform_rows.read_book(tx)
    platforms = book.of(environment)
    without = platforms.without_supplier()
    if not without:
        return []
    known = {one.id for one in await platform_rows.list_suppliers(tx, environment)}
    if WALLET not in known:
        await _add(tx, _row(environment, WALLET, WALLET, now_us))
    for platform in without:
        await platform_rows.set_suppliers(tx, environment, platform, [WALLET])
    found = (await platform_rows.read_book(tx)).of(environment)
    return [found.find(platform) for platform in without]


async def _enter(
    tx: Transaction,
    environment: str,
    first: FirstPlatform,
    registrations: Mapping[str, Registration],
    vault: Vault,
    now_us: int,
) -> None:
    row = PlatformRow(
        environment=environment,
        id=first.id,
        name=first.name,
        min_amount_cents=first.min_amount_cents,
        max_amount_cents=first.max_amount_cents,
        created_at=now_us,
    )
    await platform_rows.put_platform(tx, row, is_new=True)
    supplier = WALLET if first.kind is None and environment == "staging" else first.kind
    if supplier is None:
        return
    if supplier != WALLET:
        await _add(tx, _supplier(environment, first, supplier, registrations, vault, now_us))
        supplier = first.id
    await platform_rows.set_suppliers(tx, environment, first.id, [supplier])


def _supplier(
    environment: str,
    first: FirstPlatform,
    kind: str,
    registrations: Mapping[str, Registration],
    vault: Vault,
    now_us: int,
) -> SupplierRow:
    registration = registrations.get(kind)
    if registration is None:
        known = ", ".join(sorted(registrations))
        raise OptionsRefused(f"{first.id}: fulfilment is one of {known}")
    options = dict(first.options)
    of_staging = options.pop("staging", None)
    row = _row(environment, first.id, kind, now_us)
    try:
        checked = with_options(row, registration, options, vault)
        if environment == "live" or kind == "http":
            return checked
        if of_staging is None:
            return SupplierRow(
                environment=environment,
                id=first.id,
                kind=kind,
                is_simulated=True,
                created_at=now_us,
                changed_at=now_us,
            )
        return with_options(row, registration, of_staging, vault)
    except OptionsRefused as error:
        raise OptionsRefused(f"{first.id}: {error}") from None


def _row(environment: str, supplier: str, kind: str, now_us: int) -> SupplierRow:
    return SupplierRow(
        environment=environment, id=supplier, kind=kind, created_at=now_us, changed_at=now_us
    )


async def _add(tx: Transaction, row: SupplierRow) -> None:
    await platform_rows.put_supplier(tx, row, is_new=True)
