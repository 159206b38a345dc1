"""Turn API key digests into principals, in bulk. Ancestors' limits are included.

A key has no principal if it, its secret or one of its ancestors is revoked, expired or missing. Expiry times
are on the account's own clock, so they are converted to ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from kernel.tenant import Tenant
from keys.account import read_tenants
from keys.account_access import IS_LIVE_OPEN, SUSPENDED_FOR
from keys.mandate import numbers_of, read_mandate
from keys.principal import (
    Effective,
    Environment,
    Link,
    Principal,
    Refusal,
    ScopeMissing,
    effective,
    parse_networks,
)
from keys.staging_quota import FULL_UNTIL
from store.database import BatchRead, Rows, Transaction
from store.row_mapping import RowMapping

_MEANINGS_MAX: Final = 4_096
_BEFORE_EVERY_END: Final = -(2**63)
_Ancestors = tuple[Link | None, ...]
# Monthly rows are never deleted, so their sum is everything that the key ever spent.
_LIFETIME = """CASE WHEN k.lifetime_cents IS NOT NULL THEN (
    SELECT CAST(COALESCE(SUM(w.spent_micros), 0) AS bigint) FROM spend_windows w
    WHERE w.key_id = k.id AND w.period = 'month') END"""


class _Found(NamedTuple):
    digest: str
    secret_expires_at: int | None
    id: str
    lineage: str
    account_id: str
    environment: Environment
    scopes: str
    ip_allow_list: str
    approval_threshold_cents: int | None
    expires_at: int | None
    revoked_at: int | None
    paused_at: int | None
    is_operator: bool
    is_sandbox: bool
    email: str
    clock_ahead_us: int
    is_live_open: bool
    suspended_for: str | None
    staging_full_until: int | None


async def load_principals(
    tx: Transaction, digests: Iterable[str], *, now_us: int
) -> dict[str, Principal | Refusal]:
    """Return a principal for each digest, or the reason why its key no longer works. This takes at most two
    statements.
    """
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""SELECT s.digest, s.expires_at - e.clock_ahead_us, k.id, k.lineage,
                  k.account_id, k.environment, k.scopes, k.ip_allow_list, k.approval_threshold_cents,
                  k.expires_at - e.clock_ahead_us, k.revoked_at, k.paused_at,
                  a.is_operator, a.is_sandbox, a.email, e.clock_ahead_us, {IS_LIVE_OPEN}, {SUSPENDED_FOR},
                  {FULL_UNTIL}
           FROM api_key_secrets s
           JOIN api_keys k ON k.id = s.key_id
           JOIN accounts a ON a.id = k.account_id
           JOIN account_environments e
               ON e.account_id = k.account_id AND e.environment = k.environment
           WHERE s.digest IN :digests[text]""",
        digests=wanted,
    )
    keys = [_Found._make(row) for row in rows]
    links = await load_links(tx, {key_id for key in keys for key_id in key.lineage.split()})
    return {key.digest: _outcome(key, _ancestors(key, links), now_us) for key in keys}


async def load_links(tx: Transaction, key_ids: Iterable[str]) -> dict[str, Link]:
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
    return {row["id"]: _link(*row) for row in rows}


def judge_chain(
    key_ids: Iterable[str], links: Mapping[str, Link], *, now_us: int, may_administer: bool
) -> Effective | Refusal:
    """Return what the first key may do. The other keys are its ancestors. A missing ancestor counts as revoked."""
    chain = [links.get(key_id) for key_id in key_ids]
    whole = [link for link in chain if link is not None]
    if len(whole) < len(chain):
        return Refusal("revoked")
    return effective(whole, now_us=now_us, may_administer=may_administer)


def _ancestors(key: _Found, links: Mapping[str, Link]) -> _Ancestors:
    return tuple([links.get(key_id) for key_id in key.lineage.split()])


def _outcome(key: _Found, ancestors: _Ancestors, now_us: int) -> Principal | Refusal:
    lasting = _lasting(key, ancestors)
    if lasting is not None and (lasting.expires_at is None or now_us < lasting.expires_at):
        return lasting
    return _judge(key, ancestors, now_us)


@lru_cache(maxsize=_MEANINGS_MAX)
def _lasting(key: _Found, ancestors: _Ancestors) -> Principal | None:
    """Return what these rows allow until something in them expires, or None if they allow nothing.

    Results are cached, because the same rows are read for each send. Without the cache, a send would take 5 %
    longer.
    """
    outcome = _judge(key, ancestors, _BEFORE_EVERY_END)
    return outcome if isinstance(outcome, Principal) else None


def _judge(key: _Found, ancestors: _Ancestors, now_us: int) -> Principal | Refusal:
    lineage = (key.id, *key.lineage.split())
    own = _link(
        key.id,
        key.scopes,
        key.ip_allow_list,
        key.approval_threshold_cents,
        key.expires_at,
        key.revoked_at,
        key.paused_at,
    )
    links = {link.id: link for link in (own, *ancestors) if link is not None}
    may_administer = bool(key.is_operator) and not key.is_sandbox
    allowed = judge_chain(lineage, links, now_us=now_us, may_administer=may_administer)
    if isinstance(allowed, Refusal):
        return allowed
    if key.environment == "live" and not key.is_live_open:
        return Refusal("live_closed", key.id)
    ends = [each for each in (key.secret_expires_at, allowed.expires_at) if each is not None]
    expires_at = min(ends, default=None)
    if expires_at is not None and expires_at <= now_us:
        return Refusal("expired", key.id)
    return Principal(
        account_id=key.account_id,
        environment=key.environment,
        kind="key",
        credential_id=key.id,
        key_id=key.id,
        lineage=lineage,
        scopes=allowed.scopes,
        ip_allow_lists=allowed.ip_allow_lists,
        expires_at=expires_at,
        is_sandbox=bool(key.is_sandbox),
        approval_threshold_cents=allowed.approval_threshold_cents,
        account_email=key.email,
        is_paused=allowed.is_paused,
        clock_ahead_us=key.clock_ahead_us,
        suspended_for=key.suspended_for,
        staging_full_until=key.staging_full_until,
    )


def _link(
    key_id: str,
    scopes: str,
    ip_allow_list: str,
    approval_threshold_cents: int | None,
    expires_at: int | None,
    revoked_at: int | None,
    paused_at: int | None,
) -> Link:
    return Link(
        id=key_id,
        scopes=frozenset(scopes.split()),
        ip_allow_list=parse_networks(ip_allow_list),
        approval_threshold_cents=approval_threshold_cents,
        expires_at=expires_at,
        revoked_at=revoked_at,
        paused_at=paused_at,
    )


async def old_secret_until(
    tx: Transaction, tenant: Tenant, key_id: str, *, now_us: int
) -> int | None:
    """Return when the secret replaced by the last rotation expires, on the account's clock, or None."""
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


@dataclass(frozen=True, slots=True)
class KeyState:
    id: str
    account_id: str
    environment: str
    revoked_at: int | None
    expires_at: int | None
    per_call_cents: int | None
    per_day_cents: int | None
    per_month_cents: int | None
    approval_threshold_cents: int | None
    approval_above_per_day_cents: int | None = None
    lifetime_cents: int | None = None
    mandate: str | None = None
    paused_at: int | None = None
    name: str | None = None
    lifetime_micros: int | None = None  # what the key has spent so far, if it has lifetime_cents

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    def is_usable(self, now_us: int) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now_us < self.expires_at)


async def load_key_states(tx: Transaction, key_ids: Iterable[str]) -> dict[str, KeyState]:
    found: dict[str, KeyState] = {}
    await tx.fetch_many([key_states_reading(key_ids, found)])
    return found


def key_states_reading(key_ids: Iterable[str], into: dict[str, KeyState]) -> BatchRead:
    wanted = sorted(set(key_ids))

    def take(rows: Rows) -> None:
        for row in rows:
            into[row[0]] = KeyState(*row)

    return BatchRead(_KEY_STATES if wanted else "", take, ids=wanted)


_KEY_STATES = f"""SELECT {RowMapping(KeyState).of("k", lifetime_micros=_LIFETIME)}
FROM api_keys k WHERE k.id IN :ids[text]"""


async def check_may_move_clock(tx: Transaction, mover: Principal) -> None:
    """Raise ScopeMissing if the caller has limits that would be reset by moving the sandbox clock forward."""
    if mover.kind == "session":
        return
    states = await load_key_states(tx, mover.lineage)
    limited = next((one for one in mover.lineage if _ends_by_time(states[one])), None)
    if limited is not None:
        raise _refused(
            "a key with a limit that time gives back, its own or of a key above it, does not move the clock:"
            " use a key without one, such as the account's first, or let a person do it",
            limited,
        )
    if mover.oauth is not None:
        raise _refused("an app's token does not move the clock: use a key of the account", None)
    if mover.tenant in (await read_tenants(tx, [mover.tenant])).day_limits:
        raise _refused(
            "the account has a limit of a day, which moving the clock would lift: a person who is signed in"
            " moves it, or takes the limit away",
            None,
        )


def _ends_by_time(state: KeyState) -> bool:
    mandate = read_mandate(state.mandate)
    limits = (
        state.per_day_cents,
        state.per_month_cents,
        state.approval_above_per_day_cents,
        *numbers_of(mandate).values(),
    )
    return bool(mandate.windows) or any(limit is not None for limit in limits)


def _refused(detail: str, key_id: str | None) -> ScopeMissing:
    return ScopeMissing(detail, reason="limited", extra={"key_id": key_id})
