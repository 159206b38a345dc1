"""Manage tokens that belong to an account instead of a key: sat_ (the account's) and adm_ (an operator's).

A sat_ token made by a key stops working with that key and its secret. What the token spends counts against the
key's caps. Only the command line makes adm_ tokens. The caller holds the account's lock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from kernel.errors import InvalidInput, NotFound
from kernel.ids import AccountId, new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys import account, token_format
from keys.account import get_account
from keys.account_access import IS_LIVE_OPEN, SUSPENDED_FOR, check_live
from keys.api_keys.grantable import check_room
from keys.api_keys.lookup import judge_chain, load_links
from keys.granted import Granted, load_memberships, why_lost
from keys.normalise import normalise_name
from keys.principal import (
    ACCOUNT_SCOPES,
    OPERATOR_SCOPES,
    SCOPES,
    Effective,
    Environment,
    Link,
    OperatorScope,
    Principal,
    Refusal,
    ScopeMissing,
    require_owner,
)
from keys.staging_quota import FULL_UNTIL
from store.database import Row, Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import WORDS_OR_NULL, RowMapping

AccessTokenKind = Literal["system", "operator"]

LIVE_TOKENS_MAX = 100  # the maximum number of an account's unrevoked tokens in one environment
# Use REPLACE, because LIKE treats the underscore in an ID as a wildcard.
_VIEWERS = """(t.key_id = :viewer OR t.key_id IN (
    SELECT k.id FROM api_keys k
    WHERE k.account_id = :account_id AND k.environment = :environment
      AND REPLACE(' ' || k.lineage || ' ', ' ' || :viewer || ' ', '') <> ' ' || k.lineage || ' '))"""
_OWN = "t.account_id = :account_id AND t.environment = :environment"
_FILTERS = {"kind": "t.kind = :kind", "viewer": _VIEWERS}
_LOCK = " FOR NO KEY UPDATE OF t"
_LIVE = """
SELECT COUNT(*) AS live FROM access_tokens
WHERE account_id = :account_id AND environment = :environment AND revoked_at IS NULL
"""
_USED = """
UPDATE access_tokens SET last_used_at = :minute_at WHERE id IN (
    SELECT id FROM access_tokens
    WHERE id IN :ids[text] AND (last_used_at IS NULL OR last_used_at < :minute_at)
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
mark_used = partial(account.mark_used, _USED)
# A token (t) made by a key stops working once every secret that the key had when it made the token has expired. A
# signed-in client's key has no secret.
IS_KEY_ROTATED: Final = """
(k.id IS NOT NULL AND k.client_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM api_key_secrets s WHERE s.key_id = k.id AND s.created_at <= t.created_at
      AND (s.expires_at IS NULL OR s.expires_at > :now_us + e.clock_ahead_us)))"""
_SENDS: Final = frozenset({"topup:send"})
_TOKEN: Final = "tok_"  # noqa: S105 - a prefix of ids


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token. If a key made it, `key_id` is that key.

    `scopes` limit an operator's token in the operators' API. They are empty if there is no such limit.
    """

    id: str
    kind: AccessTokenKind
    account_id: AccountId
    environment: Environment
    key_id: str | None
    name: str
    prefix: str
    last4: str
    created_at: int
    last_used_at: int | None
    revoked_at: int | None
    scopes: tuple[OperatorScope, ...]

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)


async def create(
    tx: Transaction,
    *,
    kind: AccessTokenKind,
    account_id: str,
    environment: Environment,
    name: str,
    maker: Principal | None,
    now_us: int,
    scopes: Sequence[OperatorScope] = (),
) -> tuple[AccessToken, str]:
    """Return a new token and its secret, which is never shown again. `maker` is None if the command line makes it."""
    _check_maker(kind, maker, Tenant(account_id, environment))
    if scopes and kind != "operator":
        raise InvalidInput("Only an operator token can have scopes.", param="scopes")
    await check_not_ending(tx, maker)
    account = await get_account(tx, account_id)
    if kind == "operator" and not account.is_operator:
        raise ScopeMissing(
            "Operator tokens are for operators' accounts. Make this one an operator's with: topup "
            f"accounts set {account_id} --operator.",
            reason="scope",
        )
    await check_live(tx, Tenant(account_id, environment))
    tenant = Tenant(account_id, environment)
    await check_room(tx, tenant, _LIVE, most=LIVE_TOKENS_MAX, what="tokens that are not revoked")
    secret = token_format.new_token(
        "system_token" if kind == "system" else "operator_token", environment
    )
    token = AccessToken(
        id=new_id("tok"),
        kind=kind,
        account_id=AccountId(account_id),
        environment=environment,
        key_id=maker.lineage[0] if maker is not None and maker.lineage else None,
        name=normalise_name(name),
        prefix=token_format.prefix16(secret),
        last4=token_format.last4(secret),
        created_at=now_us,
        last_used_at=None,
        revoked_at=None,
        scopes=tuple(one for one in OPERATOR_SCOPES if one in scopes),
    )
    row = (*_ROWS.write(token), token_format.digest(secret))
    await tx.insert("access_tokens", (*_ROWS.columns, "digest"), [row])
    return token, secret


async def check_not_ending(tx: Transaction, maker: Principal | None) -> None:
    """Raise ScopeMissing if the caller uses a rotated key's previous secret. Anything that the caller made would
    outlive that secret.
    """
    if maker is None or maker.key_id is None or maker.expires_at is None:
        return
    row = await tx.fetch_one(
        "SELECT expires_at FROM api_key_secrets WHERE key_id = :id AND expires_at = :ends",
        id=maker.key_id,
        ends=maker.expires_at + maker.clock_ahead_us,
    )
    if row is not None:
        raise ScopeMissing(
            "This secret was rotated and expires soon. Use the new secret.",
            reason="parent",
        )


async def get(
    tx: Transaction,
    tenant: Tenant,
    token_id: str,
    *,
    kind: AccessTokenKind | None = "system",
    viewer: Principal | None = None,
) -> AccessToken:
    """Return one token, of any kind if `kind` is None. Raise NotFound if the viewer may not see it."""
    return await _find(tx, tenant, token_id, kind, viewer, lock="")


async def owner_of(tx: Transaction, token_id: str) -> Tenant:
    row = await tx.fetch_one(
        "SELECT account_id, environment FROM access_tokens WHERE id = :id", id=token_id
    )
    if row is None:
        raise NotFound("Token")
    return Tenant(row["account_id"], row["environment"])


async def list_tokens(
    tx: Transaction,
    tenant: Tenant,
    *,
    kind: AccessTokenKind | None = "system",
    viewer: Principal | None = None,
    before_id: Begin = None,
    limit: int = PAGE_ITEMS,
) -> list[AccessToken]:
    """List tokens, newest first, including revoked ones. A key sees its own and its descendants' tokens."""
    rows = await _PAGES.page(
        tx,
        tenant,
        before_id=before_id,
        limit=limit,
        kind=kind,
        viewer=_key_of(viewer),
    )
    return [_ROWS.read(row) for row in rows]


async def revoke(
    tx: Transaction,
    tenant: Tenant,
    token_id: str,
    *,
    kind: AccessTokenKind | None = "system",
    asker: Principal | None,
    now_us: int,
) -> AccessToken:
    token = await _find(tx, tenant, token_id, kind, asker, lock=_LOCK)
    if token.revoked_at is not None:
        return token
    await tx.execute(
        "UPDATE access_tokens SET revoked_at = :now_us WHERE id = :id", now_us=now_us, id=token_id
    )
    return replace(token, revoked_at=now_us)


async def check_operates(tx: Transaction, caller: Principal) -> None:
    """Raise ScopeMissing if the database says that the caller can no longer act as an operator."""
    row = await tx.fetch_one(
        """SELECT a.is_operator, t.revoked_at FROM accounts a
           LEFT JOIN access_tokens t ON t.id = :token_id WHERE a.id = :account_id""",
        token_id=caller.credential_id,
        account_id=caller.account_id,
    )
    if row is None or not row["is_operator"] or row["revoked_at"] is not None:
        raise ScopeMissing("This credential may no longer act for an operator.", reason="scope")


async def ended_of(tx: Transaction, ids: Iterable[str]) -> frozenset[str]:
    rows = await tx.fetch(
        "SELECT id FROM access_tokens WHERE id IN :ids[text] AND revoked_at IS NOT NULL",
        ids=sorted(set(ids)),
    )
    return frozenset(row["id"] for row in rows)


async def load_principals(
    tx: Transaction, digests: Iterable[str], *, now_us: int
) -> dict[str, Principal | Refusal]:
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""SELECT t.id, t.kind, t.account_id, t.environment, t.digest, t.key_id, t.revoked_at, t.scopes,
                  k.lineage, {IS_KEY_ROTATED} AS is_key_rotated, a.is_operator, a.is_sandbox, a.email, e.clock_ahead_us,
                  {IS_LIVE_OPEN}, {SUSPENDED_FOR}, {FULL_UNTIL}
           FROM access_tokens t
           JOIN accounts a ON a.id = t.account_id
           JOIN account_environments e
               ON e.account_id = t.account_id AND e.environment = t.environment
           LEFT JOIN api_keys k ON k.id = t.key_id
           WHERE t.digest IN :digests[text]""",
        digests=wanted,
        now_us=now_us,
    )
    links = await load_links(tx, {key_id for row in rows for key_id in _lineage(row)})
    return {row["digest"]: _principal(row, links, now_us) for row in rows}


_ROWS = RowMapping(AccessToken, stored={"scopes": WORDS_OR_NULL})
_PAGES = Keyset(_ROWS.of("t"), "access_tokens t", _OWN, filters=_FILTERS, key="t.id")
_FIND = f"SELECT {_ROWS.of('t')} FROM access_tokens t WHERE t.id = :id AND {_OWN}"


async def _find(
    tx: Transaction,
    tenant: Tenant,
    token_id: str,
    kind: AccessTokenKind | None,
    viewer: Principal | None,
    *,
    lock: str,
) -> AccessToken:
    values = {"kind": kind, "viewer": _key_of(viewer)}
    holds = [_FILTERS[name] for name, value in values.items() if value is not None]
    row = await tx.fetch_one(
        " AND ".join((_FIND, *holds)) + lock,
        id=token_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
        **values,
    )
    if row is None:
        raise NotFound("Token")
    return _ROWS.read(row)


def _key_of(viewer: Principal | None) -> str | None:
    return viewer.lineage[0] if viewer is not None and viewer.lineage else None


def _check_maker(kind: AccessTokenKind, maker: Principal | None, tenant: Tenant) -> None:
    if maker is None:
        return
    assert maker.tenant == tenant, "a token is made in its maker's own account and environment"
    if kind == "operator":
        raise ScopeMissing(
            "Operator tokens can only be created on the command line.", reason="parent"
        )
    require_owner(maker)
    if not maker.lineage and maker.kind != "session":
        # A token that was borrowed for a moment could otherwise make tokens that outlive it.
        raise ScopeMissing(
            "Only a key, a session or the command line can create a token.", reason="parent"
        )


def _lineage(row: Row) -> tuple[str, ...]:
    return () if row["key_id"] is None else (row["key_id"], *(row["lineage"] or "").split())


def _of_operator(stored: str | None) -> frozenset[str]:
    return frozenset(stored.split() if stored else (*SCOPES, *OPERATOR_SCOPES))


def _principal(row: Row, links: Mapping[str, Link], now_us: int) -> Principal | Refusal:
    if row["revoked_at"] is not None or row["is_key_rotated"]:
        return Refusal("revoked")
    if row["environment"] == "live" and not row["is_live_open"]:
        return Refusal("live_closed")
    lineage = _lineage(row)
    allowed: Effective | Refusal
    if lineage:
        allowed = judge_chain(lineage, links, now_us=now_us, may_administer=False)
    elif row["kind"] == "operator":
        may = _of_operator(row["scopes"]) if row["is_operator"] else frozenset()
        allowed = Effective(may, (), None, None)
    elif row["is_operator"]:
        allowed = Effective(frozenset(SCOPES), (), None, None)
    else:
        allowed = Effective(frozenset(ACCOUNT_SCOPES), (), None, None)
    if isinstance(allowed, Refusal):
        return allowed
    return Principal(
        account_id=row["account_id"],
        environment=row["environment"],
        kind="system_token" if row["kind"] == "system" else "operator_token",
        credential_id=row["id"],
        key_id=lineage[0] if lineage else None,
        lineage=lineage,
        scopes=allowed.scopes & {*ACCOUNT_SCOPES} if row["is_sandbox"] else allowed.scopes,
        ip_allow_lists=allowed.ip_allow_lists,
        expires_at=allowed.expires_at,
        is_sandbox=bool(row["is_sandbox"]),
        approval_threshold_cents=allowed.approval_threshold_cents,
        account_email=row["email"],
        is_paused=allowed.is_paused,
        clock_ahead_us=row["clock_ahead_us"],
        suspended_for=row["suspended_for"],
        staging_full_until=row["staging_full_until"],
    )


def is_colleague(account_id: str, sender: str) -> bool:
    return sender != account_id and not sender.startswith(_TOKEN)


async def former_senders(
    tx: Transaction, senders: Collection[tuple[str, str]], *, now_us: int
) -> set[tuple[str, str]]:
    """Return those (account, sender) pairs that can no longer send. The caller holds the accounts' locks."""
    tokens = {pair for pair in senders if pair[1].startswith(_TOKEN)}
    people = {pair for pair in senders if is_colleague(*pair)}
    left: set[tuple[str, str]] = set()
    if tokens:
        ended = await ended_of(tx, [one for _, one in tokens])
        left |= {pair for pair in tokens if pair[1] in ended}
    if people:
        members = await load_memberships(tx, people)
        left |= {
            pair
            for pair in people
            if why_lost(members.get(pair), Granted(pair[0], now_us, scopes=_SENDS)) is not None
        }
    return left
