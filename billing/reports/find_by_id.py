"""Find the row with a given ID, or rows that contain a given text.

A text search reads a bounded number of rows and returns where to continue.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from billing.topups.rules import CROCKFORD
from kernel.ids import ID_CHARACTERS, least_id, made_at
from kernel.tenant import Tenant
from keys.account import list_accounts
from keys.principal import ADMIN
from store.database import Row, Transaction
from store.keyset import NEWEST
from store.statement import unindexed

Kind = Literal[
    "topup", "order", "subscription", "batch", "approval", "mail", "document", "hold", "usage",
    "refund", "key", "endpoint", "delivery", "event", "replay", "transfer", "app", "account",
    "code_batch", "machine_payment", "request",
]  # fmt: skip

_ID: Final = re.compile(rf"([a-z]{{2,4}})_[0-9A-Za-z]{{{ID_CHARACTERS}}}")
_ORDER_NO: Final = re.compile(r"[0-9a-f]{32}")
_REQUEST_US: Final = 10_000_000
_SKEW_US: Final = 1_000_000
OF_REQUEST_MAX: Final = 20
_OF_REQUEST_SCOPES: Final = frozenset({"topup:read", "webhooks:read"})


class Found(NamedTuple):
    kind: Kind
    id: str
    account_id: str
    environment: str
    title: str
    state: str
    at: int
    belongs_to: str = ""


class IdPlace(NamedTuple):
    """A table of rows whose IDs begin with the same prefix. A reader needs `scope` to see them. The scope "admin" is
    for operators.
    """

    kind: Kind
    table: str
    title: str
    scope: str
    state: str = "status"
    belongs_to: str = "''"
    column: str = "id"
    account: str = "account_id"
    environment: str = "environment"


_TOPUP: Final = "recipient_email || ' · ' || platform"
PLACES: Final[Mapping[str, Sequence[IdPlace]]] = {
    "txn": (
        IdPlace("topup", "topups", _TOPUP, "topup:read"),
        IdPlace("order", "orders", "order_no", "billing:read", column="reference"),
    ),
    "bat": (IdPlace("batch", "batches", "'Bulk send'", "topup:read"),),
    "apr": (
        IdPlace("approval", "approvals", "'Approval'", "topup:read", belongs_to="transaction_id"),
    ),
    "mal": (
        IdPlace("mail", "mails", "recipient_email", "topup:read", belongs_to="transaction_id"),
    ),
    "trf": (
        IdPlace(
            "transfer",
            "transfers",
            "code",
            "topup:read",
            state="''",
            belongs_to="COALESCE(transaction_id, subject_id, '')",
        ),
    ),
    "ord": (IdPlace("order", "orders", "order_no", "billing:read"),),
    "sub": (IdPlace("subscription", "subscriptions", "plan_name", "billing:read"),),
    "doc": (
        IdPlace("document", "billing_documents", "number", "billing:read", "kind", "order_id"),
    ),
    "rfd": (IdPlace("refund", "refunds", "order_id", "billing:read", belongs_to="order_id"),),
    "hld": (IdPlace("hold", "holds", "description", "usage:read"),),
    "usg": (IdPlace("usage", "usage_records", "description", "usage:read", state="''"),),
    "key": (
        IdPlace(
            "key",
            "api_keys",
            "name",
            "keys:write",
            state="CASE WHEN revoked_at IS NULL THEN 'active' ELSE 'revoked' END",
        ),
    ),
    "app": (IdPlace("app", "oauth_apps", "name", "keys:write", state="''"),),
    "we": (
        IdPlace(
            "endpoint",
            "endpoints",
            "url",
            "webhooks:read",
            state="CASE WHEN deleted_at IS NULL THEN status ELSE 'deleted' END",
        ),
    ),
    "dlv": (
        IdPlace("delivery", "deliveries", "event_type", "webhooks:read", belongs_to="COALESCE(transaction_id, '')"),
    ),
    "evt": (
        IdPlace("event", "events", "type", "webhooks:read", "''", "COALESCE(transaction_id, '')"),
    ),
    "rpl": (
        IdPlace("replay", "replays", "'Replay'", "webhooks:read", belongs_to="endpoint_id"),
    ),
    "acc": (
        IdPlace(
            "account",
            "accounts",
            "name || COALESCE(' · ' || email, '')",
            "admin",
            state="''",
            account="id",
            environment="''",
        ),
    ),
    "rql": (
        IdPlace("request", "request_log", "method || ' ' || path", "topup:read", "'HTTP ' || CAST(status AS TEXT)"),
    ),
    "rdb": (IdPlace("code_batch", "redemption_batches", "name", "admin", "''", account="''"),),
    "mpy": (
        IdPlace("machine_payment", "machine_payments", "protocol", "admin", "state", "transaction_id"),
    ),
}  # fmt: skip
_REQUEST: Final = IdPlace(
    "request",
    "request_log",
    "method || ' ' || path",
    "topup:read",
    state="'HTTP ' || CAST(status AS TEXT)",
    column="request_id",
)
_BY_ORDER_NO: Final = IdPlace("order", "orders", "order_no", "billing:read", column="order_no")
_OF_REQUEST: Final = (
    "id >= :since AND id < :until AND (trace = :request OR SUBSTR(trace, 1, 21) = :begins)"
)
# Keep SQLite from using account_id's index, because it would scan all of the account's rows.
_ACCOUNT: Final = unindexed("account_id")


def looks_like_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None or _ORDER_NO.fullmatch(text) is not None


async def find_by_id(
    tx: Transaction, text: str, scopes: frozenset[str], account_id: str | None
) -> list[Found]:
    """Search all accounts if `account_id` is None."""
    form = _ID.fullmatch(text)
    if form is not None and form[1] == "req":
        kept = await _at(tx, _REQUEST, text, account_id) if _REQUEST.scope in scopes else []
        came = await _of_request(tx, text, account_id) if scopes >= _OF_REQUEST_SCOPES else []
        return [*kept, *came]
    places = PLACES.get(form[1], ()) if form else (_BY_ORDER_NO,)
    found: list[Found] = []
    for place in places:
        if place.scope in scopes:
            found += await _at(tx, place, text, account_id)
    return found


async def _at(tx: Transaction, place: IdPlace, text: str, account_id: str | None) -> list[Found]:
    statement = _statement(place, f"{place.column} = :id", account_id)
    rows = await tx.fetch(statement, id=text, rows_max=1, **_owner(account_id))
    return [_found(place.kind, row) for row in rows]


async def _of_request(tx: Transaction, text: str, account_id: str | None) -> list[Found]:
    try:
        at_us = made_at(text)
    except ValueError:
        return []
    found: list[Found] = []
    for prefix, (place, *_) in (("txn", PLACES["txn"]), ("evt", PLACES["evt"])):
        rows = await tx.fetch(
            _statement(place._replace(account=_ACCOUNT), _OF_REQUEST, account_id),
            since=least_id(prefix, max(0, at_us - _SKEW_US)),
            until=least_id(prefix, at_us + _REQUEST_US),
            request=text,
            begins=f"{text} ",
            rows_max=OF_REQUEST_MAX,
            **_owner(account_id),
        )
        found += [_found(place.kind, row) for row in rows]
    return found


def _owner(account_id: str | None) -> dict[str, str]:
    return {} if account_id is None else {"account_id": account_id}


def _statement(place: IdPlace, where: str, account_id: str | None) -> str:
    account = "" if account_id is None else f"AND {place.account} = :account_id"
    return f"""SELECT id, {place.account} AS account_id, {place.environment} AS environment,
        {place.title} AS title, {place.state} AS state, created_at AS at,
        {place.belongs_to} AS belongs_to
        FROM {place.table} WHERE {where} {account} ORDER BY id LIMIT :rows_max"""


def _found(kind: Kind, row: Row) -> Found:
    return Found(kind, *row)


PART_CHARACTERS_MIN: Final = 3
LOOKED_AT: Final = 5_000
LOOKED_AT_FURTHER: Final = 50_000
SHOWN_MAX: Final = 10
_NAMES_LOOKED_AT: Final = 1_000
_HINT: Final = re.compile(rf"[{CROCKFORD}]{{4}}")
# A prefix with this appended sorts after every text that begins with the prefix.
_LAST: Final = "\U0010ffff"

_TOPUP_PART: Final = """id, account_id, environment, recipient_email || ' · ' || platform AS title,
    status AS state, created_at AS at"""
_TOPUP_PARTS: Final = "recipient_email, reference, voucher_code_hint, status, platform, created_at"
_BY_REFERENCE: Final = f"""
    SELECT {_TOPUP_PART} FROM topups
    WHERE account_id = :account_id AND environment = :environment
      AND reference >= :asked AND reference < :after
    ORDER BY reference LIMIT :shown_max
"""
# LIKE would treat an underscore as a wildcard. It ignores case in only one of the databases.
_HAS_PART: Final = """REPLACE(LOWER(recipient_email), :lowered, '') <> LOWER(recipient_email)
    OR REPLACE(LOWER(reference), :lowered, '') <> LOWER(reference)
    OR voucher_code_hint = :hint"""
_OWN_NEWEST: Final = f"""
    SELECT {_TOPUP_PART} FROM (
        SELECT id, account_id, environment, {_TOPUP_PARTS} FROM topups
        WHERE account_id = :account_id AND environment = :environment AND id < :before_id
        ORDER BY id DESC LIMIT :looked_at
    ) AS newest WHERE {_HAS_PART} ORDER BY id DESC LIMIT :shown_max
"""
_OWN_END: Final = """
    SELECT id, created_at FROM topups
    WHERE account_id = :account_id AND environment = :environment AND id < :before_id
    ORDER BY id DESC LIMIT 1 OFFSET :rows_before
"""
# Limit the rows before filtering by environment, so that searching a small environment doesn't scan the whole table.
_ALL_NEWEST: Final = f"""
    SELECT {_TOPUP_PART} FROM (
        SELECT id, account_id, environment, {_TOPUP_PARTS} FROM topups
        WHERE id < :before_id ORDER BY id DESC LIMIT :looked_at
    ) AS newest WHERE environment = :environment AND ({_HAS_PART}) ORDER BY id DESC LIMIT :shown_max
"""
_ALL_END: Final = """
    SELECT id, created_at FROM topups
    WHERE id < :before_id ORDER BY id DESC LIMIT 1 OFFSET :rows_before
"""
_KEYS: Final = """
    SELECT id, account_id, environment, name AS title,
           CASE WHEN revoked_at IS NULL THEN 'active' ELSE 'revoked' END AS state, created_at AS at
    FROM (
        SELECT * FROM api_keys WHERE account_id = :account_id AND environment = :environment
        ORDER BY id DESC LIMIT :looked_at
    ) AS newest
    WHERE REPLACE(LOWER(name), :lowered, '') <> LOWER(name) OR last4 = :ending OR prefix = :asked
    ORDER BY id DESC LIMIT :shown_max
"""
_ENDPOINTS: Final = """
    SELECT id, account_id, environment, url AS title, status AS state, created_at AS at
    FROM (
        SELECT * FROM endpoints
        WHERE account_id = :account_id AND environment = :environment AND deleted_at IS NULL
        ORDER BY id DESC LIMIT :looked_at
    ) AS newest
    WHERE REPLACE(LOWER(url), :lowered, '') <> LOWER(url)
       OR REPLACE(LOWER(description), :lowered, '') <> LOWER(description)
    ORDER BY id DESC LIMIT :shown_max
"""
_DOCUMENT: Final = """
    SELECT id, account_id, environment, number AS title, kind AS state, created_at AS at,
           order_id AS belongs_to
    FROM billing_documents WHERE environment = :environment AND number = :number
"""


@dataclass(frozen=True, slots=True)
class PartsFound:
    items: Sequence[Found]
    older_than: str | None = None
    looked_back_to: int | None = None


async def topups_by_reference(tx: Transaction, tenant: Tenant, text: str) -> list[Found]:
    rows = await tx.fetch(
        _BY_REFERENCE, asked=text, after=text + _LAST, shown_max=SHOWN_MAX, **tenant._asdict()
    )
    return [_found("topup", row) for row in rows]


async def topups_by_part(
    tx: Transaction,
    tenant: Tenant,
    text: str,
    *,
    before_id: str | None = None,
    looked_at: int = LOOKED_AT,
) -> PartsFound:
    before, own = before_id or NEWEST, tenant._asdict()
    rows = await tx.fetch(_OWN_NEWEST, before_id=before, **own, **_looking_for(text, looked_at))
    end = await tx.fetch_one(_OWN_END, before_id=before, rows_before=looked_at - 1, **own)
    return _parts_found(rows, end)


async def all_topups_by_part(
    tx: Transaction,
    environment: str,
    text: str,
    *,
    before_id: str | None = None,
    looked_at: int = LOOKED_AT,
) -> PartsFound:
    before = before_id or NEWEST
    rows = await tx.fetch(
        _ALL_NEWEST, environment=environment, before_id=before, **_looking_for(text, looked_at)
    )
    end = await tx.fetch_one(_ALL_END, before_id=before, rows_before=looked_at - 1)
    return _parts_found(rows, end)


async def keys_by_name(tx: Transaction, tenant: Tenant, text: str) -> list[Found]:
    return await _named(tx, "key", _KEYS, tenant, text, asked=text, ending=text.rpartition("…")[2])


async def endpoints_by_url(tx: Transaction, tenant: Tenant, text: str) -> list[Found]:
    return await _named(tx, "endpoint", _ENDPOINTS, tenant, text)


async def documents_by_number(
    tx: Transaction, environment: str, number: str, account_id: str | None
) -> list[Found]:
    statement = _DOCUMENT if account_id is None else f"{_DOCUMENT} AND account_id = :account_id"
    owner = {} if account_id is None else {"account_id": account_id}
    rows = await tx.fetch(statement, environment=environment, number=number, **owner)
    return [_found("document", row) for row in rows]


async def _named(
    tx: Transaction, kind: Kind, statement: str, tenant: Tenant, text: str, **further: str
) -> list[Found]:
    rows = await tx.fetch(
        statement,
        **further,
        lowered=text.lower(),
        looked_at=_NAMES_LOOKED_AT,
        shown_max=SHOWN_MAX,
        **tenant._asdict(),
    )
    return [_found(kind, row) for row in rows]


def _looking_for(text: str, looked_at: int) -> dict[str, str | int]:
    hint = text.upper() if _HINT.fullmatch(text.upper()) else ""
    return {
        "lowered": text.lower(),
        "hint": hint,
        "looked_at": looked_at,
        "shown_max": SHOWN_MAX,
    }


def _parts_found(rows: Sequence[Row], end: Row | None) -> PartsFound:
    found = [_found("topup", row) for row in rows]
    if len(found) == SHOWN_MAX:
        return PartsFound(found, found[-1].id, found[-1].at)
    return PartsFound(found) if end is None else PartsFound(found, end["id"], end["created_at"])


_ACCOUNTS_SHOWN: Final = 10
_NOTHING: Final = PartsFound(())


@dataclass(frozen=True, slots=True)
class SearchResult:
    named: Sequence[Found] = ()
    parts: PartsFound = _NOTHING


def rows_looked_at(before_id: str | None) -> int:
    return LOOKED_AT if before_id is None else LOOKED_AT_FURTHER


async def search_account(
    tx: Transaction,
    tenant: Tenant,
    text: str,
    scopes: frozenset[str],
    *,
    before_id: str | None = None,
) -> SearchResult:
    """Search by ID in both environments, or by text in the tenant's environment only."""
    if looks_like_id(text):
        return SearchResult(await find_by_id(tx, text, scopes - {ADMIN}, tenant.account_id))
    named = [] if before_id else await _named_by_words(tx, tenant, text, scopes)
    if "topup:read" not in scopes or len(text) < PART_CHARACTERS_MIN:
        return SearchResult(named)
    parts = await topups_by_part(
        tx, tenant, text, before_id=before_id, looked_at=rows_looked_at(before_id)
    )
    known = {one.id for one in parts.items}
    return SearchResult([one for one in named if one.id not in known], parts)


async def _named_by_words(
    tx: Transaction, tenant: Tenant, text: str, scopes: frozenset[str]
) -> list[Found]:
    found: list[Found] = []
    if "topup:read" in scopes:
        found += await topups_by_reference(tx, tenant, text)
    if "billing:read" in scopes:
        found += await documents_by_number(tx, tenant.environment, text, tenant.account_id)
    if "keys:write" in scopes:
        found += await keys_by_name(tx, tenant, text)
    if "webhooks:read" in scopes:
        found += await endpoints_by_url(tx, tenant, text)
    return found


async def search_all(
    tx: Transaction,
    environment: str,
    text: str,
    scopes: frozenset[str],
    *,
    before_id: str | None = None,
) -> SearchResult:
    if looks_like_id(text):
        return SearchResult(await find_by_id(tx, text, scopes, None))
    named: list[Found] = []
    if before_id is None:
        accounts = await list_accounts(tx, matching=text, limit=_ACCOUNTS_SHOWN)
        named += [
            Found(
                "account",
                one.id,
                one.id,
                "",
                one.name if one.email is None else f"{one.name} · {one.email}",
                "",
                one.created_at,
            )
            for one in accounts
        ]
        named += await documents_by_number(tx, environment, text, None)
    if len(text) < PART_CHARACTERS_MIN:
        return SearchResult(named)
    return SearchResult(
        named,
        await all_topups_by_part(
            tx, environment, text, before_id=before_id, looked_at=rows_looked_at(before_id)
        ),
    )
