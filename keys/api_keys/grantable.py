"""Limit what a credential may give to a new key: never more than it has.

A key is made by a key, whose child it then is, by a session, or by the command line. Only a parentless key of
an operator's account gets `admin`. Reads accounts and api_keys; writes nothing.
"""

from collections.abc import Iterable

from kernel.errors import DomainError
from kernel.tenant import Tenant
from keys.principal import ADMIN, Principal, ScopeMissing
from store.database import Transaction

LIVE_KEYS_MAX = 1_000  # not revoked, of one account in one environment
LINEAGE_KEYS_MAX = 8  # a key and its ancestors; each send counts against all of them
_LIVE_KEYS = """
SELECT COUNT(*) AS live FROM api_keys
WHERE account_id = :account_id AND environment = :environment AND revoked_at IS NULL
"""


class KeyLimitReached(DomainError):
    """The account has its maximum number of keys, or the lineage its maximum length."""


def lineage_for(parent: Principal | None, tenant: Tenant) -> tuple[str, ...]:
    """Return the ancestors of a key that `parent` mints, nearest first."""
    if parent is None:
        return ()
    assert parent.tenant == tenant, "a key is minted in its maker's own account and environment"
    if len(parent.lineage) >= LINEAGE_KEYS_MAX:
        raise KeyLimitReached(
            f"A key family has at most {LINEAGE_KEYS_MAX} keys. Revoke one first.",
            extra={"limit": LINEAGE_KEYS_MAX},
        )
    if not parent.lineage and parent.kind != "session":
        # A parentless key would outlive the token that requested it.
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
    """Raise ScopeMissing for a scope that the asker can't give."""
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
    """Raise ScopeMissing if a colleague would get, or release, a key that may do more than they may.

    A key's own lineage limits it elsewhere, and an owner may do everything.
    """
    if asker is None or asker.colleague is None:
        return
    missing = sorted(set(scopes) - asker.scopes)
    if missing:
        raise ScopeMissing(
            f"The key may do more than your role: {', '.join(missing)}.",
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
    """Raise KeyLimitReached if the statement counts `most` or more."""
    if await count_live(tx, tenant, counting) >= most:
        raise KeyLimitReached(
            f"An account has at most {most} {what}. Revoke one first.", extra={"limit": most}
        )
