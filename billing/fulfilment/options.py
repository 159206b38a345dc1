"""A supplier's options as they lie in its row: those in the open, and the secret ones as one sealed blob.

Invariant: a secret is opened to make the supplier, and for nothing else; whoever shows options shows the
open ones and the hints.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from billing.fulfilment.protocol import Options, OptionsRefused, Registration, sealed_fields
from billing.topups.deliverable import hint_of
from billing.topups.platform_rows import SupplierRow
from keys.vault import Vault

PURPOSE: Final = "supplier options"
# The data key that everything of suppliers is sealed under: options, stock, tasks.
DATA_KEY: Final = "supplier"
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(\w+)`")
_UNFIT: Final = re.compile(r"(.+?)(, got `\w+`)? - at `\$\.(\w+)`")


def checked_options(registration: Registration, given: Mapping[str, Any]) -> Options:
    """The options of the kind; raises OptionsRefused, which repeats no value."""
    try:
        # strict=False: what comes of a command line is text.
        return msgspec.convert(dict(given), registration.options, strict=False)
    except msgspec.ValidationError as error:
        raise OptionsRefused(
            f"{registration.name}: {_in_words(registration, str(error))}"
        ) from None


def _in_words(registration: Registration, text: str) -> str:
    """Msgspec's sentence about an object and its fields as one about options."""
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
    """The row with these options, the secret ones sealed; raises OptionsRefused."""
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
    """All of them, the secret ones too; raises SealBroken."""
    if row.sealed is None:
        return dict(row.options)
    plain = vault.open(row.sealed, purpose=PURPOSE, subject=f"{row.environment}/{row.id}")
    return {**row.options, **msgspec.json.decode(plain, type=dict[str, Any])}


def shown_options(row: SupplierRow) -> dict[str, Any]:
    """As they may be shown: of a secret its last characters."""
    return {**row.options, **{name: f"…{hint}" for name, hint in row.hints.items()}}
