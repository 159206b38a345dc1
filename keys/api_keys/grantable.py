"""Limit what a credential can give to a new key: never more than the credential has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys.api_keys.fields import CENTS_FIELDS
from keys.mandate import ANY_OF_DOMAIN, NUMBERS, Mandate, read_mandate
from keys.principal import ADMIN, Principal, ScopeMissing
from store.database import Transaction

LIVE_KEYS_MAX = 1_000
# The maximum number of keys in a chain of ancestors. A send counts against the limits of every key in the chain.
LINEAGE_KEYS_MAX = 8
_LIVE_KEYS = """
SELECT COUNT(*) AS live FROM api_keys
WHERE account_id = :account_id AND environment = :environment AND revoked_at IS NULL
"""
# repeat_guard_s isn't listed: a descendant's guard may be shorter, because the ancestor's longer guard applies,
# too.
_OF_MANDATE: Final = tuple(fact.name for fact in NUMBERS if fact.name != "repeat_guard_s")


class KeyLimitReached(DomainError):
    """The account has the maximum number of keys, or the key would have too many ancestors."""


def lineage_for(parent: Principal | None, tenant: Tenant) -> tuple[str, ...]:
    """Return the ancestors of a key that `parent` creates, nearest first."""
    if parent is None:
        return ()
    assert parent.tenant == tenant, "a key is minted in its maker's own account and environment"
    if len(parent.lineage) >= LINEAGE_KEYS_MAX:
        raise KeyLimitReached(
            f"A chain of parent and child keys can have at most {LINEAGE_KEYS_MAX} keys. Use a "
            "parent with fewer ancestors.",
            extra={"limit": LINEAGE_KEYS_MAX},
        )
    if not parent.lineage and parent.kind != "session":
        # A key without a parent would outlive the token that created it.
        raise ScopeMissing(
            "Only a session or the command line can create a key without a parent.", reason="parent"
        )
    return parent.lineage


async def check_grant(
    tx: Transaction,
    scopes: Iterable[str],
    *,
    asker: Principal | None,
    account_id: str,
    is_child: bool = False,
) -> None:
    wanted = set(scopes)
    if ADMIN in wanted:
        if is_child or (asker is not None and asker.lineage):
            raise ScopeMissing("The scope admin is never inherited.", reason="scope")
        row = await tx.fetch_one("SELECT is_operator FROM accounts WHERE id = :id", id=account_id)
        if row is None or not row["is_operator"]:
            raise ScopeMissing("The scope admin is only for operators' accounts.", reason="scope")
    if asker is not None and not wanted <= asker.scopes:
        missing = sorted(wanted - asker.scopes)
        raise ScopeMissing(
            f"Your credential lacks {', '.join(missing)}, so it can't grant that.",
            reason="scope",
            extra={"required_scopes": missing},
        )


def check_no_stronger(scopes: Iterable[str], asker: Principal | None) -> None:
    """Raise ScopeMissing if a colleague would get a key with scopes that their own role doesn't have."""
    if asker is None or asker.colleague is None:
        return
    missing = sorted(set(scopes) - asker.scopes)
    if missing:
        raise ScopeMissing(
            f"This key has scopes that your role doesn't have: {', '.join(missing)}.",
            reason="scope",
            extra={"required_scopes": missing},
        )


async def count_live(tx: Transaction, tenant: Tenant, counting: str = _LIVE_KEYS) -> int:
    row = await tx.fetch_one(counting, account_id=tenant.account_id, environment=tenant.environment)
    assert row is not None, "COUNT has a row"
    return int(row["live"])


async def check_room(
    tx: Transaction,
    tenant: Tenant,
    counting: str = _LIVE_KEYS,
    *,
    most: int = LIVE_KEYS_MAX,
    what: str = "keys that are not revoked",
) -> None:
    if await count_live(tx, tenant, counting) >= most:
        raise KeyLimitReached(
            f"An account can have at most {most} {what}. Revoke one first.", extra={"limit": most}
        )


class Together(msgspec.Struct, frozen=True):
    """The narrowest limits of a key and its ancestors. None means no such limit. An empty list allows nothing."""

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


class Limited(Protocol):
    @property
    def mandate(self) -> str | None: ...


def check_narrower(
    columns: Mapping[str, Any], before: Mandate, ancestors: Iterable[Limited]
) -> None:
    """Raise InvalidInput if a changed limit is wider than an ancestor's."""
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
            f"{name} must be at most {most}, the limit of a parent key.",
            param=name.replace("approval_threshold_cents", "approval_above_cents"),
            extra={"maximum": most},
        )


def _check_list(name: str, are_within: bool, allowed: tuple[str, ...]) -> None:  # noqa: FBT001
    if not are_within:
        raise InvalidInput(
            f"The parent keys don't allow all of these {name}.",
            param=name,
            extra={"allowed": list(allowed)},
        )
