"""Manage portal links: links that open an account's webhooks on a page that other sites can embed.

A link works until it expires, it is revoked, or its maker loses access. The maker is a key, token or person.
Every use checks this. This module returns the address once, and stores only its SHA-256.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, get_args

from kernel.clock import DAY_US, SECOND_US
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys.account_access import IS_LIVE_OPEN, SUSPENDED_FOR, check_live
from keys.api_keys.fields import Checks
from keys.api_keys.grantable import KeyLimitReached
from keys.api_keys.lookup import judge_chain, load_links
from keys.granted import Granted, load_people, why_person_lost
from keys.normalise import normalise_name
from keys.principal import Effective, Environment, Link, Principal, Refusal, ScopeMissing
from keys.staging_quota import FULL_UNTIL
from keys.token_format import digest
from keys.tokens.access_token import IS_KEY_ROTATED, check_not_ending, load_principals
from store.database import Row, Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import WORDS_OR_NULL, RowMapping

# Each level includes the levels before it. The first allows reading, the second also repeating deliveries and testing
# endpoints, and the third also changing endpoints.
PortalRight = Literal["read", "replay", "manage"]
RIGHTS: Final[tuple[PortalRight, ...]] = get_args(PortalRight)
PortalLinkStatus = Literal["active", "closed", "expired", "revoked"]
LIFE_S_MIN: Final = 300
LIFE_S_MAX: Final = 7 * 86_400
LIFE_S_DEFAULT: Final = 3_600
ORIGINS_MAX: Final = 10
OPEN_LINKS_MAX: Final = 1_000
# A link's maker needs this scope to make the link, and whenever the link is used.
MADE_WITH: Final = "webhooks:write"
_MAKERS: Final = frozenset({"key", "system_token", "session"})
_READS: Final = frozenset({"webhooks:read"})
_LISTED_US: Final = 7 * DAY_US
_PRUNED_ROWS: Final = 100
_SECRET_BYTES: Final = 32
# Matches an origin as browsers write it. IPv6 addresses are excluded, because a content security policy can't
# contain them.
_ORIGIN: Final = re.compile(
    r"(https?)://((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(:[0-9]{1,5})?"
)
_HOST_CHARACTERS_MAX: Final = 253
_PORT_MAX: Final = 65_535
_USUAL_PORTS: Final = {"https": ":443", "http": ":80"}
_OWN: Final = "account_id = :account_id AND environment = :environment"
_OPEN: Final = f"""SELECT COUNT(*) AS n FROM portal_links
WHERE {_OWN} AND revoked_at IS NULL AND expires_at > :now_us"""
_PRUNE: Final = f"""DELETE FROM portal_links WHERE id IN (
    SELECT id FROM portal_links WHERE {_OWN} AND expires_at <= :before_us LIMIT :rows)"""


@dataclass(frozen=True, slots=True)
class NewPortalLink:
    name: str
    can: PortalRight
    origins: Sequence[str]
    endpoint_ids: Sequence[str]
    life_s: int


@dataclass(frozen=True, slots=True)
class PortalLink:
    """Who can open an account's webhooks, and where. Times are in microseconds.

    `origins` are the only sites that can embed the page. `endpoint_ids` are the endpoints on the page, or
    empty for all. `made_by` is the ID of a key, token or person. While a link is `closed`, its page doesn't
    open, because its maker lost access or the account is suspended.
    """

    id: str
    account_id: str
    environment: Environment
    name: str
    can: PortalRight
    origins: tuple[str, ...]
    endpoint_ids: tuple[str, ...]
    made_by: str
    created_at: int
    expires_at: int
    revoked_at: int | None
    status: PortalLinkStatus = "active"

    @property
    def scopes(self) -> frozenset[str]:
        return _READS if self.can == "read" else _READS | {MADE_WITH}

    def shows(self, endpoint_id: str) -> bool:
        return not self.endpoint_ids or endpoint_id in self.endpoint_ids


class OpenedLink(NamedTuple):
    """A link that was opened. `principal` is the page's caller, or None if the link no longer works."""

    link: PortalLink
    principal: Principal | None


def check_origins(origins: Sequence[str], environment: str) -> tuple[str, ...]:
    """Return the origins as browsers write them. Raise InvalidInput if one isn't allowed.

    Only https is allowed. Staging also allows http on the user's own machine.
    """
    return tuple(dict.fromkeys(_origin(one, environment) for one in origins))


def _origin(text: str, environment: str) -> str:
    found = _ORIGIN.fullmatch(text.lower().removesuffix("/"))
    if found is None:
        raise _wrong_origin(f"{text!r:.80} is no origin")
    scheme, host, port = found[1], found[2], found[3] or ""
    if len(host) > _HOST_CHARACTERS_MAX or (port and not 0 < int(port[1:]) <= _PORT_MAX):
        raise _wrong_origin(f"{text!r:.80} is no origin")
    is_own_machine = host in {"localhost", "127.0.0.1"} or host.endswith(".localhost")
    if scheme == "http" and not (is_own_machine and environment == "staging"):
        raise _wrong_origin("An origin begins with https://")
    return f"{scheme}://{host}{'' if port == _USUAL_PORTS[scheme] else port}"


def _wrong_origin(what: str) -> InvalidInput:
    return InvalidInput(
        f"{what}. Write it without a path, such as https://app.acme.example. Staging also allows"
        " http://localhost:3000.",
        param="origins",
    )


async def create(
    tx: Transaction, tenant: Tenant, *, maker: Principal, new: NewPortalLink, now_us: int
) -> tuple[PortalLink, str]:
    """Return a new link and its secret, which is never shown again. The caller holds the tenant's lock."""
    if maker.kind not in _MAKERS:
        raise ScopeMissing(
            "Only a key, a system token or a signed-in user can make a portal link.",
            reason="parent",
        )
    checks = Checks()
    name = checks.of(normalise_name, new.name)
    origins = checks.of(check_origins, new.origins, tenant.environment)
    checks.end()
    await check_not_ending(tx, maker)
    await check_live(tx, tenant)
    whose = {"account_id": tenant.account_id, "environment": tenant.environment}
    await tx.execute(_PRUNE, **whose, before_us=now_us - _LISTED_US, rows=_PRUNED_ROWS)
    counted = await tx.fetch_one(_OPEN, **whose, now_us=now_us)
    if counted is not None and counted["n"] >= OPEN_LINKS_MAX:
        raise KeyLimitReached(
            f"An account can have at most {OPEN_LINKS_MAX} open portal links. Revoke one first, "
            "or create links that expire sooner.",
            extra={"limit": OPEN_LINKS_MAX},
        )
    link = PortalLink(
        id=new_id("ptl"),
        account_id=tenant.account_id,
        environment=maker.environment,
        name=name,
        can=new.can,
        origins=origins,
        endpoint_ids=tuple(dict.fromkeys(new.endpoint_ids)),
        made_by=maker.person_id if maker.kind == "session" else maker.credential_id,
        created_at=now_us,
        expires_at=now_us + new.life_s * SECOND_US,
        revoked_at=None,
    )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = (*_ROWS.write(link), digest(secret))
    await tx.insert("portal_links", (*_ROWS.columns, "digest"), [row])
    return link, secret


async def get(tx: Transaction, tenant: Tenant, link_id: str, *, now_us: int) -> PortalLink:
    row = await tx.fetch_one(
        f"{_FIND} t.id = :id AND {_LISTED}",
        id=link_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
        now_us=now_us,
    )
    if row is None:
        raise NotFound("Link")
    return (await _opened(tx, [row], now_us=now_us))[0].link


async def list_links(
    tx: Transaction,
    tenant: Tenant,
    *,
    now_us: int,
    before_id: Begin = None,
    limit: int = PAGE_ITEMS,
) -> list[PortalLink]:
    """List links older than before_id, newest first. Include links that expired in the last week."""
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit, now_us=now_us)
    return [one.link for one in await _opened(tx, rows, now_us=now_us)]


async def revoke(tx: Transaction, tenant: Tenant, link_id: str, *, now_us: int) -> None:
    await tx.execute(
        f"""UPDATE portal_links SET revoked_at = :now_us
            WHERE id = :id AND {_OWN} AND revoked_at IS NULL""",
        now_us=now_us,
        id=link_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
    )


async def open_link(tx: Transaction, secret: str, *, now_us: int) -> OpenedLink | None:
    """Return the link with this secret and what it allows now, or None if no link has this secret."""
    row = await tx.fetch_one(f"{_FIND} t.digest = :digest", digest=digest(secret), now_us=now_us)
    return None if row is None else (await _opened(tx, [row], now_us=now_us))[0]


async def _opened(tx: Transaction, rows: Sequence[Row], *, now_us: int) -> list[OpenedLink]:
    """Check one account's links. This takes at most four statements."""
    links = [_ROWS.read(row) for row in rows]
    ended = [_why_ended(one, row, now_us) for one, row in zip(links, rows, strict=True)]
    judged = [row for row, why in zip(rows, ended, strict=True) if why is None]
    tokens = await load_principals(
        tx, [row["token_digest"] for row in judged if row["token_digest"]], now_us=now_us
    )
    keys = await load_links(tx, {key_id for row in judged for key_id in _lineage(row)})
    makers = [row["made_by"] for row in judged if not row["token_digest"] and not _lineage(row)]
    people = await load_people(tx, rows[0]["account_id"], makers) if makers else {}
    found = []
    for link, row, why in zip(links, rows, ended, strict=True):
        is_paused = None
        if why is None:
            is_paused = _is_maker_paused(link, row, tokens, keys, people, now_us=now_us)
        if is_paused is None:
            found.append(OpenedLink(replace(link, status=why or "closed"), None))
        else:
            found.append(OpenedLink(link, _principal(link, row, is_paused=is_paused)))
    return found


def _why_ended(link: PortalLink, row: Row, now_us: int) -> PortalLinkStatus | None:
    if link.revoked_at is not None:
        return "revoked"
    if link.expires_at <= now_us:
        return "expired"
    is_live_closed = link.environment == "live" and not row["is_live_open"]
    return "closed" if is_live_closed or row["suspended_for"] is not None else None


def _lineage(row: Row) -> tuple[str, ...]:
    return () if row["lineage"] is None else (row["made_by"], *row["lineage"].split())


def _is_maker_paused(
    link: PortalLink,
    row: Row,
    tokens: Mapping[str, Principal | Refusal],
    keys: Mapping[str, Link],
    people: Mapping[str, Row],
    *,
    now_us: int,
) -> bool | None:
    """Return whether the maker's key is paused, or None if the maker can no longer give this access."""
    allowed: Principal | Effective | Refusal | None
    if row["token_digest"] is not None:
        allowed = tokens.get(row["token_digest"])
    elif lineage := _lineage(row):
        allowed = judge_chain(lineage, keys, now_us=now_us, may_administer=False)
    else:
        granted = Granted(link.account_id, link.created_at, frozenset({MADE_WITH}))
        return None if why_person_lost(people.get(link.made_by), granted) else False
    if row["is_key_rotated"] or allowed is None or isinstance(allowed, Refusal):
        return None
    return allowed.is_paused if MADE_WITH in allowed.scopes else None


def _principal(link: PortalLink, row: Row, *, is_paused: bool) -> Principal:
    return Principal(
        account_id=link.account_id,
        environment=link.environment,
        kind="portal",
        credential_id=link.id,
        key_id=None,
        lineage=(),
        scopes=link.scopes,
        ip_allow_lists=(),
        expires_at=link.expires_at,
        is_sandbox=bool(row["is_sandbox"]),
        approval_threshold_cents=None,
        account_email=None,
        is_paused=is_paused,
        clock_ahead_us=row["clock_ahead_us"],
        staging_full_until=row["staging_full_until"],
    )


_ROWS: Final = RowMapping(
    PortalLink,
    stored={"origins": WORDS_OR_NULL, "endpoint_ids": WORDS_OR_NULL},
    without={"status"},
)
_COLUMNS: Final = f"""
{_ROWS.of("t")}, k.lineage, {IS_KEY_ROTATED} AS is_key_rotated, m.digest AS token_digest,
a.is_sandbox, e.clock_ahead_us, {IS_LIVE_OPEN}, {SUSPENDED_FOR}, {FULL_UNTIL}
"""
_SOURCE: Final = """portal_links t
JOIN accounts a ON a.id = t.account_id
JOIN account_environments e ON e.account_id = t.account_id AND e.environment = t.environment
LEFT JOIN api_keys k ON k.id = t.made_by
LEFT JOIN access_tokens m ON m.id = t.made_by"""
_LISTED: Final = "t.account_id = :account_id AND t.environment = :environment"
_FIND: Final = f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE"
_PAGES: Final = Keyset(_COLUMNS, _SOURCE, _LISTED, key="t.id")
