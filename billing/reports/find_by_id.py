"""Find what an ID names, or rows with a remembered part: a reference, an address, a name, a URL.

An ID's prefix says in which table, and a unique key finds the row. A search of an account finds its rows
only; another's ID is as unknown as a made-up one. A search by words reads a bounded number of rows, and its
result says where to continue.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from kernel.ids import ID_CHARACTERS, least_id, made_at
from store.database import Row, Transaction
from store.statement import unindexed

Kind = Literal[
    "topup", "order", "subscription", "batch", "approval", "mail", "document", "hold", "usage",
    "refund", "key", "endpoint", "delivery", "event", "replay", "transfer", "app", "account",
    "code_batch", "machine_payment", "request",
]  # fmt: skip

_ID: Final = re.compile(rf"([a-z]{{2,4}})_[0-9A-Za-z]{{{ID_CHARACTERS}}}")
_ORDER_NO: Final = re.compile(r"[0-9a-f]{32}")
# How long after a request what it caused may appear; processes' clocks differ by less than the second one.
_REQUEST_US: Final = 10_000_000
_SKEW_US: Final = 1_000_000
OF_REQUEST_MAX: Final = 20
_OF_REQUEST_SCOPES: Final = frozenset({"topup:read", "webhooks:read"})


class Found(NamedTuple):
    """title: a person's name for it; state: as in its list. belongs_to: the ID of what it is shown with, such
    as a transfer's top-up. account_id: empty for what belongs to no account.
    """

    kind: Kind
    id: str
    account_id: str
    environment: str
    title: str
    state: str
    at: int
    belongs_to: str = ""


class IdPlace(NamedTuple):
    """Where IDs of a prefix are: a row's shown columns, as SQL, and the ID's unique column. scope: what a
    reader needs; "admin": operators only.
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
# By its own ID or its X-Request-Id.
_REQUEST: Final = IdPlace(
    "request",
    "request_log",
    "method || ' ' || path",
    "topup:read",
    state="'HTTP ' || CAST(status AS TEXT)",
    column="request_id",
)
_BY_ORDER_NO: Final = IdPlace("order", "orders", "order_no", "billing:read", column="order_no")
# By the primary key's range of a few seconds, of which one request's rows are taken.
_OF_REQUEST: Final = (
    "id >= :since AND id < :until AND (trace = :request OR SUBSTR(trace, 1, 21) = :begins)"
)
# Else SQLite would read all rows of the account.
_ACCOUNT: Final = unindexed("account_id")


def looks_like_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None or _ORDER_NO.fullmatch(text) is not None


async def find_by_id(
    tx: Transaction, text: str, scopes: frozenset[str], account_id: str | None
) -> list[Found]:
    """Return what the ID names, at most one row of each table. account_id None: any account's, for operators.
    Without the scopes nothing is found.
    """
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
    """Return the immediate events of a request of ours, and a pending top-up of it, by its ID's time."""
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
    return Found(
        kind,
        row["id"],
        row["account_id"],
        row["environment"],
        row["title"],
        row["state"],
        row["at"],
        row["belongs_to"],
    )
