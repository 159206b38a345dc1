"""Digests of presented API keys, turned into principals: set-based, ancestors included.

Invariant: a key makes no principal while it, its secret or any ancestor is revoked, at its end or
missing. The ends of keys and secrets are by the account's own clock (keys/sandbox_clock.py); here they are
turned into our time as they are read, so that nobody else need know. Reads api_keys, api_key_secrets,
accounts and account_environments; writes nothing.
"""

from collections.abc import Iterable, Mapping

from kernel.tenant import Tenant
from keys.lineage import Effective, Link, Refusal, effective, parse_networks
from keys.live import IS_LIVE_OPEN
from keys.principal import Principal
from keys.suspension import SUSPENDED_FOR
from store.database import Row, Transaction


async def load_principals(
    tx: Transaction, digests: Iterable[str], *, now_us: int
) -> dict[str, Principal | Refusal]:
    """By digest: the principal, or why the key works no longer; unknown digests are left out.

    One statement, and one more where any of the keys has ancestors.
    """
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""SELECT s.digest, s.expires_at - e.clock_ahead_us AS secret_expires_at, k.id, k.lineage,
                  k.account_id, k.environment, k.scopes, k.ip_allow_list, k.approval_threshold_cents,
                  k.expires_at - e.clock_ahead_us AS expires_at, k.revoked_at, k.paused_at,
                  a.is_operator, a.is_sandbox, a.email, e.clock_ahead_us, {IS_LIVE_OPEN}, {SUSPENDED_FOR}
           FROM api_key_secrets s
           JOIN api_keys k ON k.id = s.key_id
           JOIN accounts a ON a.id = k.account_id
           JOIN account_environments e
               ON e.account_id = k.account_id AND e.environment = k.environment
           WHERE s.digest IN :digests[text]""",
        digests=wanted,
    )
    ancestors = {key_id for row in rows for key_id in row["lineage"].split()}
    links = await load_links(tx, ancestors)
    links |= {row["id"]: _link(row) for row in rows}
    return {row["digest"]: _principal(row, links, now_us) for row in rows}


async def load_links(tx: Transaction, key_ids: Iterable[str]) -> dict[str, Link]:
    """The keys as links of a lineage, by id, in one statement; missing ones are left out."""
    wanted = sorted(set(key_ids))
    if not wanted:
        return {}
    rows = await tx.fetch(
        """SELECT k.id, k.scopes, k.ip_allow_list, k.approval_threshold_cents,
                  k.expires_at - e.clock_ahead_us AS expires_at, k.revoked_at, k.paused_at
           FROM api_keys k
           JOIN account_environments e
               ON e.account_id = k.account_id AND e.environment = k.environment
           WHERE k.id IN :ids[text]""",
        ids=wanted,
    )
    return {row["id"]: _link(row) for row in rows}


def judge_chain(
    key_ids: Iterable[str], links: Mapping[str, Link], *, now_us: int, may_administer: bool
) -> Effective | Refusal:
    """What the first of the keys may do, the others being its ancestors, nearest first.

    A lineage with a missing key fails closed: it counts as revoked.
    """
    chain = [links.get(key_id) for key_id in key_ids]
    whole = [link for link in chain if link is not None]
    if len(whole) < len(chain):
        return Refusal("revoked")
    return effective(whole, now_us=now_us, may_administer=may_administer)


def _principal(row: Row, links: Mapping[str, Link], now_us: int) -> Principal | Refusal:
    lineage = (row["id"], *row["lineage"].split())
    allowed = judge_chain(
        lineage,
        links,
        now_us=now_us,
        may_administer=bool(row["is_operator"]) and not row["is_sandbox"],
    )
    if isinstance(allowed, Refusal):
        return allowed
    if row["environment"] == "live" and not row["is_live_open"]:
        return Refusal("live_closed", row["id"])
    ends = [each for each in (row["secret_expires_at"], allowed.expires_at) if each is not None]
    expires_at = min(ends, default=None)
    if expires_at is not None and expires_at <= now_us:
        return Refusal("expired", row["id"])
    return Principal(
        account_id=row["account_id"],
        environment=row["environment"],
        kind="key",
        credential_id=row["id"],
        key_id=row["id"],
        lineage=lineage,
        scopes=allowed.scopes,
        ip_allow_lists=allowed.ip_allow_lists,
        expires_at=expires_at,
        is_sandbox=bool(row["is_sandbox"]),
        approval_threshold_cents=allowed.approval_threshold_cents,
        account_email=row["email"],
        is_paused=allowed.is_paused,
        clock_ahead_us=row["clock_ahead_us"],
        suspended_for=row["suspended_for"],
    )


def _link(row: Row) -> Link:
    return Link(
        id=row["id"],
        scopes=frozenset(row["scopes"].split()),
        ip_allow_list=parse_networks(row["ip_allow_list"]),
        approval_threshold_cents=row["approval_threshold_cents"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        paused_at=row["paused_at"],
    )


async def old_secret_until(
    tx: Transaction, tenant: Tenant, key_id: str, *, now_us: int
) -> int | None:
    """When the secret of before the last rotation ends, by the account's own clock; None: none works."""
    rows = await tx.fetch(
        """SELECT s.expires_at
           FROM api_key_secrets s
           JOIN api_keys k ON k.id = s.key_id
           JOIN account_environments e
               ON e.account_id = k.account_id AND e.environment = k.environment
           WHERE s.key_id = :key_id AND k.account_id = :account_id AND k.environment = :environment
               AND s.expires_at - e.clock_ahead_us > :now_us""",
        key_id=key_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
        now_us=now_us,
    )
    return rows[0]["expires_at"] if rows else None
