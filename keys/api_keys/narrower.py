"""Refuse a child's limits that are wider than its ancestors'. Pure.

Each use checks the ancestors again, because they may change. This check only tells the maker of a key in time
that it can do less than expected.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from kernel.errors import InvalidInput
from keys.api_keys.effective import is_within
from keys.api_keys.fields import CENTS_FIELDS
from keys.mandate import NUMBERS, Mandate, read_mandate

# A shorter repeat guard applies beside the ancestor's longer one.
_OF_MANDATE: Final = tuple(fact.name for fact in NUMBERS if fact.name != "repeat_guard_s")


class Limited(Protocol):
    """The fields needed of an ancestor, as in KeyState in keys/api_keys/key_state.py."""

    @property
    def mandate(self) -> str | None: ...


def check_narrower(
    columns: Mapping[str, Any], before: Mandate, ancestors: Iterable[Limited]
) -> None:
    """Raise InvalidInput if a column sets a wider limit than an ancestor's.

    before is the current mandate; unchanged limits aren't checked.
    """
    for ancestor in ancestors:
        for name in CENTS_FIELDS:
            if name in columns:
                _check_amount(name, columns[name], getattr(ancestor, name))
        if "mandate" in columns:
            _check_mandate(read_mandate(columns["mandate"]), before, read_mandate(ancestor.mandate))


def _check_mandate(wanted: Mandate, before: Mandate, above: Mandate) -> None:
    for name in _OF_MANDATE:
        if getattr(wanted, name) != getattr(before, name):
            _check_amount(name, getattr(wanted, name), getattr(above, name))
    most = {one.seconds: one.cents for one in above.windows}
    for one in wanted.windows if wanted.windows != before.windows else ():
        _check_amount("windows", one.cents, most.get(one.seconds))
    if wanted.platforms != before.platforms and above.platforms:
        _check_list("platforms", set(wanted.platforms) <= set(above.platforms), above.platforms)
    if wanted.recipients != before.recipients and above.recipients:
        are_within = all(is_within(entry, above.recipients) for entry in wanted.recipients)
        _check_list("recipients", are_within, above.recipients)


def _check_amount(name: str, wanted: int | None, most: int | None) -> None:
    if wanted is not None and most is not None and wanted > most:
        raise InvalidInput(
            f"{name} must be at most {most}, the limit of a key above this one.",
            param=name.replace("approval_threshold_cents", "approval_above_cents"),
            extra={"maximum": most},
        )


def _check_list(name: str, are_within: bool, allowed: tuple[str, ...]) -> None:  # noqa: FBT001
    if not are_within:
        raise InvalidInput(
            f"{name} must be among those of the keys above this one.",
            param=name,
            extra={"allowed": list(allowed)},
        )
