"""Combine the mandates of a lineage. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from keys.mandate import ANY_OF_DOMAIN, Mandate


class Together(msgspec.Struct, frozen=True):
    """The narrowest limits. Null: no key has such a limit. An empty list: nothing passes all of them."""

    platforms: list[str] | None
    recipients: list[str] | None
    per_recipient_per_day_cents: int | None
    repeat_guard_s: int | None


def together(mandates: Sequence[Mandate]) -> Together:
    platforms = [set(one.platforms) for one in mandates if one.platforms]
    recipients: list[str] | None = None
    for one in mandates:
        if one.recipients:
            recipients = _both(recipients, one.recipients)
    guards = [one.repeat_guard_s for one in mandates if one.repeat_guard_s is not None]
    amounts = [one.per_recipient_per_day_cents for one in mandates]
    return Together(
        sorted(set.intersection(*platforms)) if platforms else None,
        recipients,
        min((one for one in amounts if one is not None), default=None),
        max(guards, default=None),
    )


def is_within(entry: str, allowed: Iterable[str]) -> bool:
    domain = f"{ANY_OF_DOMAIN}{entry.rpartition('@')[2]}"
    return entry in allowed or domain in allowed


def _both(some: list[str] | None, others: Sequence[str]) -> list[str]:
    if some is None:
        return list(others)
    kept = [one for one in some if is_within(one, others)]
    return list(dict.fromkeys([*kept, *(one for one in others if is_within(one, some))]))
