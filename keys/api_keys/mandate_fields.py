"""Check what a caller may set on a key's mandate, and convert it to columns. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from kernel.errors import InvalidInput
from kernel.limits import INT64_MAX
from kernel.storable import storable
from keys.api_keys.checks import Checks
from keys.caps import CAP_CENTS_MAX
from keys.email_address import normalise_email
from keys.mandate import (
    ANY_OF_DOMAIN,
    LIST_ENTRIES_MAX,
    NO_MANDATE,
    NUMBERS,
    PURPOSE_CHARACTERS_MAX,
    WINDOW_SECONDS_MAX,
    WINDOW_SECONDS_MIN,
    WINDOWS_MAX,
    Mandate,
    SpendWindow,
    mandate_text,
)

_PLATFORM: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RANGES: Final = {fact.name: (fact.least or 0, fact.most or INT64_MAX) for fact in NUMBERS}
MANDATE_FIELDS: Final = Mandate.__struct_fields__


def mandate_columns(
    given: Mapping[str, Any], before: Mandate = NO_MANDATE, *, checks: Checks
) -> dict[str, Any]:
    """Return the columns of a new or changed mandate; checks collects what is wrong.

    given has the mandate's names and purpose. A missing name stays as it was; None removes a limit.
    """
    columns: dict[str, Any] = {}
    if "purpose" in given:
        columns["purpose"] = checks.of(_purpose, given["purpose"])
    changes = {name: given[name] for name in MANDATE_FIELDS if name in given}
    if changes:
        checked = {name: checks.of(_checked, name, value) for name, value in changes.items()}
        columns["mandate"] = mandate_text(msgspec.structs.replace(before, **checked))
    return columns


def _checked(name: str, value: Any) -> Any:
    if name == "platforms":
        return _platforms(value)
    if name == "recipients":
        return _recipients(value)
    if name == "windows":
        return _windows(value)
    least, most = _RANGES[name]
    if value is not None and not least <= value <= most:
        raise InvalidInput(
            f"{name} must be from {least} to {most}, or null.",
            param=name,
            extra={"minimum": least, "maximum": most},
        )
    return value


def _platforms(names: Sequence[str] | None) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(name.strip().lower() for name in _listed("platforms", names)))
    if not all(_PLATFORM.fullmatch(name) for name in found):
        raise InvalidInput(
            "Platforms are IDs such as claude. See GET /platforms.", param="platforms"
        )
    return found


def _recipients(entries: Sequence[str] | None) -> tuple[str, ...]:
    found = [_recipient(entry.strip()) for entry in _listed("recipients", entries)]
    return tuple(dict.fromkeys(found))


def _recipient(entry: str) -> str:
    """Return the form in which recipients are compared, so that one spelling covers all."""
    if not entry.startswith(ANY_OF_DOMAIN):
        return normalise_email(entry, param="recipients")
    domain = normalise_email(f"any@{entry.removeprefix(ANY_OF_DOMAIN)}", param="recipients")
    return f"{ANY_OF_DOMAIN}{domain.partition('@')[2]}"


def _listed(param: str, entries: Sequence[str] | None) -> Sequence[str]:
    if entries is None:
        return ()
    if not 1 <= len(entries) <= LIST_ENTRIES_MAX:
        raise InvalidInput(
            f"{param} has 1 to {LIST_ENTRIES_MAX} entries; null allows any.", param=param
        )
    return entries


def _windows(windows: Sequence[SpendWindow] | None) -> tuple[SpendWindow, ...]:
    found = tuple(sorted(windows or ()))
    if len(found) > WINDOWS_MAX or len({one.seconds for one in found}) < len(found):
        raise InvalidInput(
            f"A key has at most {WINDOWS_MAX} windows, each of another length.", param="windows"
        )
    for one in found:
        if not WINDOW_SECONDS_MIN <= one.seconds <= WINDOW_SECONDS_MAX:
            raise InvalidInput(
                f"A window has {WINDOW_SECONDS_MIN} to {WINDOW_SECONDS_MAX} seconds.",
                param="windows",
                extra={"minimum": WINDOW_SECONDS_MIN, "maximum": WINDOW_SECONDS_MAX},
            )
        if not 0 <= one.cents <= CAP_CENTS_MAX:
            raise InvalidInput(f"A window has 0 to {CAP_CENTS_MAX} cents.", param="windows")
    return found


def _purpose(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if len(text) > PURPOSE_CHARACTERS_MAX:
        raise InvalidInput(
            f"The purpose has at most {PURPOSE_CHARACTERS_MAX} characters.", param="purpose"
        )
    return storable(text.strip(), characters_max=PURPOSE_CHARACTERS_MAX)
