"""A supplier's options in its row: open ones, and secret ones as one sealed blob.

A secret is opened only to set up the supplier; everything else shows open options and hints.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from billing.fulfilment.protocol import Options, OptionsRefused, Registration, sealed_fields
from billing.topups.platform_rows import SupplierRow
from billing.topups.topup import hint_of
from keys.vault import Vault

PURPOSE: Final = "supplier options"
# Seals everything of suppliers: options, stock, tasks.
DATA_KEY: Final = "supplier"
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(\w+)`")
_UNFIT: Final = re.compile(r"(.+?)(, got `\w+`)? - at `\$\.(\w+)`")


def checked_options(registration: Registration, given: Mapping[str, Any]) -> Options:
    try:
        # strict=False: a command line gives text.
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
    """Return the options to show: of a secret its last characters."""
    return {**row.options, **{name: f"…{hint}" for name, hint in row.hints.items()}}
