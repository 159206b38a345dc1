"""Compute what a key may do: the intersection with its ancestors at the time of use. Pure.

A child never gains what an ancestor lacks: its scopes are a subset, every allow-list of the lineage must
match, it ends when the first of them ends, and its threshold is the tightest. `admin` is never inherited:
only a parentless key of an operator's account has it.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from keys.principal import ADMIN, Network


@dataclass(frozen=True, slots=True)
class Link:
    """One key of a lineage, as stored. Times in microseconds; null: never, none.

    expires_at is by our time, whatever the account's own clock is (keys/api_keys/lookup.py).
    """

    id: str
    scopes: frozenset[str]
    ip_allow_list: tuple[Network, ...]
    approval_threshold_cents: int | None
    expires_at: int | None
    revoked_at: int | None
    paused_at: int | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What a lineage allows together; each of ip_allow_lists (own first) must match. is_paused: it only
    reads.
    """

    scopes: frozenset[str]
    ip_allow_lists: tuple[tuple[Network, ...], ...]
    approval_threshold_cents: int | None
    expires_at: int | None
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A credential that exists but doesn't work, because it or an ancestor ended.

    live_closed: an operator closed live for its account; once reopened, it works as before. key_id: the key
    that ended, or null.
    """

    reason: Literal["revoked", "expired", "live_closed"]
    key_id: str | None = None


def effective(links: Sequence[Link], *, now_us: int, may_administer: bool) -> Effective | Refusal:
    """Return what the first of the links may do; the others are its ancestors, nearest first.

    A key works up to, not at, the microsecond of its end. may_administer: the account is an operator's.
    """
    assert links, "a lineage begins with the key itself"
    for link in links:
        if link.revoked_at is not None:
            return Refusal("revoked", link.id)
    for link in links:
        if link.expires_at is not None and link.expires_at <= now_us:
            return Refusal("expired", link.id)
    scopes = frozenset.intersection(*(link.scopes for link in links))
    if not (may_administer and len(links) == 1):
        scopes -= {ADMIN}
    return Effective(
        scopes=scopes,
        ip_allow_lists=tuple(link.ip_allow_list for link in links if link.ip_allow_list),
        approval_threshold_cents=_least([link.approval_threshold_cents for link in links]),
        expires_at=_least([link.expires_at for link in links]),
        is_paused=any(link.paused_at is not None for link in links),
    )


def parse_networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in text.split())


def _least(values: Sequence[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)
