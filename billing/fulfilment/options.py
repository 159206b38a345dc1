"""Store a supplier's options: plain ones as JSON, secret ones together as one encrypted value."""

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from billing.fulfilment.protocol import Options, OptionsRefused, Registration, sealed_fields
from billing.topups.fulfilment import count_open
from billing.topups.platform_rows import SupplierRow, list_suppliers
from billing.topups.topup import hint_of
from kernel.errors import DomainError, InvalidInput
from keys.signatures.signing import secret_key
from keys.vault import SealBroken, Vault
from store.database import Transaction

PURPOSE: Final = "supplier options"
DATA_KEY: Final = "supplier"
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(\w+)`")
_UNFIT: Final = re.compile(r"(.+?)(, got `\w+`)? - at `\$\.(\w+)`")


def checked_options(registration: Registration, given: Mapping[str, Any]) -> Options:
    try:
        return msgspec.convert(dict(given), registration.options, strict=False)
    except msgspec.ValidationError as error:
        raise OptionsRefused(
            f"{registration.name}: {_in_words(registration, str(error))}"
        ) from None


def _in_words(registration: Registration, text: str) -> str:
    if found := _MISSING.fullmatch(text):
        is_secret = found[1] in sealed_fields(registration.options)
        return f"the {'secret ' if is_secret else ''}option {found[1]} is missing"
    if found := _UNKNOWN.fullmatch(text):
        known = " ".join(registration.options.__struct_fields__) or "none"
        return f"there is no option {found[1]}; its options: {known}"
    if found := _UNFIT.fullmatch(text):
        return f"the option {found[3]} does not fit: {found[1][0].lower()}{found[1][1:]}"
    return text


def with_options(
    row: SupplierRow, registration: Registration, given: Mapping[str, Any], vault: Vault
) -> SupplierRow:
    parsed = checked_options(registration, given)
    values: dict[str, Any] = msgspec.to_builtins(parsed)
    secret = sealed_fields(registration.options)
    secrets = {name: values[name] for name in secret if values.get(name) is not None}
    blob = None
    if secrets:
        blob = vault.seal(
            msgspec.json.encode(secrets), purpose=PURPOSE, subject=f"{row.environment}/{row.id}"
        )
    return msgspec.structs.replace(
        row,
        options={name: value for name, value in values.items() if name not in secret},
        sealed=blob,
        hints={name: hint_of(value) for name, value in secrets.items()},
    )


def opened_options(row: SupplierRow, vault: Vault) -> dict[str, Any]:
    if row.sealed is None:
        return dict(row.options)
    plain = vault.open(row.sealed, purpose=PURPOSE, subject=f"{row.environment}/{row.id}")
    return {**row.options, **msgspec.json.decode(plain, type=dict[str, Any])}


def shown_options(row: SupplierRow) -> dict[str, Any]:
    return {**row.options, **{name: f"…{hint}" for name, hint in row.hints.items()}}


async def check_where(
    tx: Transaction,
    before: SupplierRow,
    after: SupplierRow,
    registration: Registration,
    *,
    despite_open_attempts: bool,
) -> int | None:
    """Return the number of the supplier's open attempts, or None if the supplier's location doesn't change.

    Raise InvalidInput if there are open attempts and the operator didn't allow the change. A new location could deliver
    their top-ups a second time.
    """
    moved = [one for one in registration.where if before.options.get(one) != after.options.get(one)]
    if not moved:
        return None
    attempts = await count_open(tx, before.environment, before.id)
    if attempts and not despite_open_attempts:
        raise InvalidInput(
            f"{attempts} top-ups at {before.id} have no outcome yet. If you change "
            f"{' or '.join(moved)}, they may be delivered twice. Pause the supplier and settle them "
            "first. If this is the same service with the same records, allow the change with "
            "`despite_open_attempts`.",
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
    """Raise InvalidInput if another supplier of the environment has the same signing secret. The caller holds
    the rows' lock.
    """
    signs = _signs_with(after, registrations, vault)
    if signs is None or (before is not None and signs == _signs_with(before, registrations, vault)):
        return
    for other in await list_suppliers(tx, after.environment):
        known = None if other.id == after.id else _signs_with(other, registrations, vault)
        if known is not None and hmac.compare_digest(known, signs):
            raise InvalidInput(
                f"{other.id} has the same secret. Callbacks are identified only by the secret, so "
                "give each supplier its own.",
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
