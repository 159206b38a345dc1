"""Store subscriptions of MCP clients (io.modelcontextprotocol/events) as endpoints that end at a set time.

A subscription is identified by its credential, URL, event and arguments. It also ends together with its
credential, which is checked before each delivery. Callers hold the account's lock.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys.authorization.token import scopes_of
from keys.vault import SealBroken, Vault
from store.database import Transaction
from store.row_mapping import update
from webhooks.deliveries import delivery
from webhooks.deliveries.sealed import opened_secret
from webhooks.deliveries.stage import OPEN
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import BY_REQUEST, DISABLED, ENABLED, Endpoint, NewSubscription
from webhooks.endpoints.fields import EndpointChanges, EndpointRights, NewEndpoint
from webhooks.events import log
from webhooks.events.cursor import CursorRefused, EventCursor
from webhooks.events.payload_filter import payload_filter
from webhooks.events.schemas import TYPES

SCOPE: Final = "webhooks:read"
ACCOUNT_MAX: Final = 50
SANDBOX_MAX: Final = 5
CREDENTIAL_MAX: Final = 20
TTL_US_MIN: Final = MINUTE_US
TTL_US_DEFAULT: Final = DAY_US
TTL_US_MAX: Final = 7 * DAY_US
OVERLAP_S: Final = HOUR_US // 1_000_000
# A new subscription sends at most this many events since the client's cursor.
REPLAYED_MAX: Final = 100
PRUNED_ROWS: Final = 200
# Keep at most this many of a tenant's ended subscriptions that the owner had disabled.
REMEMBERED_MAX: Final = 200
EXPIRED_ROWS: Final = 100

_LIVE: Final = """account_id = :account_id AND environment = :environment
    AND subscription_id IS NOT NULL AND deleted_at IS NULL"""
_BY_ID: Final = f"SELECT id FROM endpoints WHERE {_LIVE} AND subscription_id = :subscription_id"
_HELD: Final = f"SELECT id, subscriber_id FROM endpoints WHERE {_LIVE}"
# If delivery to the URL was given up (after a 410 or days of failures), the receiver must agree again.
_VERIFIED: Final = f"""
SELECT COUNT(*) AS n,
    SUM(CASE WHEN status = '{DISABLED}' AND disabled_reason <> '{BY_REQUEST}' THEN 1 ELSE 0 END) AS given_up
FROM endpoints WHERE {_LIVE} AND subscriber_id = :subscriber_id AND url = :url
  AND subscription_until_at > :now_us
"""
_ENDED_DISABLED: Final = f"""
SELECT id FROM endpoints
WHERE account_id = :account_id AND environment = :environment AND subscription_id = :subscription_id
  AND deleted_at IS NOT NULL AND disabled_reason = '{BY_REQUEST}'
"""
_OVERDUE: Final = f"SELECT id FROM endpoints WHERE {_LIVE} AND subscription_until_at <= :now_us"
_STANDING: Final = """
SELECT account_id, environment, subscriber_id, subscription_until_at FROM endpoints
WHERE id = :id AND subscription_id IS NOT NULL AND deleted_at IS NULL
"""
_SECRET: Final = "SELECT secret_sealed FROM endpoints WHERE id = :id"  # noqa: S105 - a statement
_ANY_OPEN: Final = f"SELECT id FROM deliveries WHERE {OPEN} AND endpoint_id = :id LIMIT 1"
_EXPIRED: Final = """
SELECT id, account_id, environment FROM endpoints
WHERE subscription_id IS NOT NULL AND deleted_at IS NULL AND subscription_until_at <= :now_us
ORDER BY subscription_until_at LIMIT :rows
"""
# Ended subscriptions that have no queue row, and so no open delivery, and whose deliveries have been deleted.
_PRUNABLE: Final = f"""
SELECT p.id FROM endpoints p
WHERE p.subscription_id IS NOT NULL AND p.deleted_at IS NOT NULL
  AND (p.disabled_reason IS NULL OR p.disabled_reason <> '{BY_REQUEST}' OR {REMEMBERED_MAX} <= (
    SELECT COUNT(*) FROM endpoints n WHERE n.account_id = p.account_id AND n.environment = p.environment
      AND n.subscription_id IS NOT NULL AND n.disabled_reason = '{BY_REQUEST}' AND n.deleted_at > p.deleted_at))
  AND NOT EXISTS (SELECT 1 FROM endpoint_queue q WHERE q.endpoint_id = p.id)
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = p.id)
  AND NOT EXISTS (SELECT 1 FROM replays r WHERE r.endpoint_id = p.id)
ORDER BY p.id LIMIT :rows
"""
_FORGET_NOTICES: Final = "DELETE FROM notices WHERE endpoint_id IN :ids[text]"
_FORGET: Final = "DELETE FROM endpoints WHERE id IN :ids[text]"
_encode = msgspec.json.Encoder(order="sorted").encode


class TooManySubscriptions(DomainError):
    pass


class Wanted(NamedTuple):
    """The subscription that a client wants. subscriber_id is the client's Principal.credential_id."""

    tenant: Tenant
    subscriber_id: str
    url: str
    name: str
    arguments: Mapping[str, Any]

    @property
    def id(self) -> str:
        parts = [*self.tenant, self.subscriber_id, self.url, self.name, self.arguments]
        return "mcs_" + hashlib.sha256(_encode(parts)).hexdigest()[:32]


class Granted(NamedTuple):
    """A stored subscription. Events up to `cursor` need no delivery."""

    endpoint: Endpoint
    cursor: str
    is_truncated: bool
    is_new: bool


class Request(NamedTuple):
    """A client's request. If ttl_us is None, the default applies. Events before not_before_us aren't sent again."""

    wanted: Wanted
    secret: str
    payload_filter: Mapping[str, Any] | None
    cursor: EventCursor | None
    ttl_us: int | None
    not_before_us: int


async def find(tx: Transaction, vault: Vault, wanted: Wanted) -> Endpoint | None:
    row = await tx.fetch_one(_BY_ID, **wanted.tenant._asdict(), subscription_id=wanted.id)
    return None if row is None else await endpoints.get(tx, vault, wanted.tenant, row["id"])


async def is_verified(tx: Transaction, wanted: Wanted, *, now_us: int) -> bool:
    """Return whether this credential already has a subscription to the URL. If so, the URL's owner has agreed."""
    row = await tx.fetch_one(
        _VERIFIED,
        **wanted.tenant._asdict(),
        subscriber_id=wanted.subscriber_id,
        url=wanted.url,
        now_us=now_us,
    )
    assert row is not None, "a count has a row"
    return row["n"] > 0 and not row["given_up"]


async def subscribe(
    tx: Transaction,
    vault: Vault,
    asked: Request,
    *,
    is_sandbox: bool,
    has_agreed: bool = False,
    now_us: int,
) -> Granted:
    """Create or renew the subscription. If the URL is new, the caller has verified it.

    has_agreed: true if the receiver has just agreed. It then gets deliveries again, even if they had been given up.
    """
    wanted = asked.wanted
    await _end_overdue(tx, vault, wanted.tenant, now_us=now_us)
    until_at = now_us + _ttl_us(asked.ttl_us)
    found = await find(tx, vault, wanted)
    if found is None:
        await _make_room(tx, vault, wanted, is_sandbox=is_sandbox, now_us=now_us)
        return await _begin(tx, vault, asked, until_at, now_us=now_us)
    return await _renew(tx, vault, asked, found, until_at, has_agreed=has_agreed, now_us=now_us)


async def unsubscribe(
    tx: Transaction, vault: Vault, wanted: Wanted, *, now_us: int
) -> Endpoint | None:
    """Delete the subscription. Return it, or None if it doesn't exist."""
    found = await find(tx, vault, wanted)
    if found is not None:
        await endpoints.delete(tx, vault, wanted.tenant, found.id, now_us=now_us)
    return found


async def over(tx: Transaction, endpoint_id: str, *, now_us: int) -> Tenant | None:
    """Return the tenant of a subscription that has ended but isn't deleted yet, or None."""
    row = await tx.fetch_one(_STANDING, id=endpoint_id)
    if row is None:
        return None
    scopes = await scopes_of(tx, row["subscriber_id"], now_us=now_us)
    if row["subscription_until_at"] > now_us and SCOPE in scopes:
        return None
    return Tenant(row["account_id"], row["environment"])


async def expired(tx: Transaction, *, now_us: int) -> Sequence[tuple[str, Tenant]]:
    rows = await tx.fetch(_EXPIRED, now_us=now_us, rows=EXPIRED_ROWS)
    return [(row["id"], Tenant(row["account_id"], row["environment"])) for row in rows]


async def prune(tx: Transaction) -> int:
    """Delete a batch of ended subscriptions that nothing refers to. Return how many were deleted."""
    ids = [row["id"] for row in await tx.fetch(_PRUNABLE, rows=PRUNED_ROWS)]
    if ids:
        await tx.execute(_FORGET_NOTICES, ids=ids)
        await tx.execute(_FORGET, ids=ids)
    return len(ids)


def _ttl_us(asked_us: int | None) -> int:
    wanted_us = TTL_US_DEFAULT if asked_us is None else asked_us
    return max(TTL_US_MIN, min(wanted_us, TTL_US_MAX))


async def _end_overdue(tx: Transaction, vault: Vault, tenant: Tenant, *, now_us: int) -> None:
    for row in await tx.fetch(_OVERDUE, **tenant._asdict(), now_us=now_us):
        await endpoints.delete(tx, vault, tenant, row["id"], now_us=now_us)


async def _make_room(
    tx: Transaction, vault: Vault, wanted: Wanted, *, is_sandbox: bool, now_us: int
) -> None:
    tenant, account_max = wanted.tenant, SANDBOX_MAX if is_sandbox else ACCOUNT_MAX
    held = await tx.fetch(_HELD, **tenant._asdict())
    if len(held) >= account_max:
        holders = {row["subscriber_id"] for row in held}
        ended = [one for one in holders if SCOPE not in await scopes_of(tx, one, now_us=now_us)]
        for row in held:
            if row["subscriber_id"] in ended:
                await endpoints.delete(tx, vault, tenant, row["id"], now_us=now_us)
        held = [row for row in held if row["subscriber_id"] not in ended]
    own = [row for row in held if row["subscriber_id"] == wanted.subscriber_id]
    for count, most, whose in (
        (len(held), account_max, "An account can have"),
        (len(own), min(CREDENTIAL_MAX, account_max), "A key or token can have"),
    ):
        if count >= most:
            raise TooManySubscriptions(
                f"{whose} at most {most} subscriptions in each environment. End one with events/unsubscribe first.",
                reason="subscriptions",
                extra={"limit": most, "remaining": 0},
            )


async def _begin(
    tx: Transaction, vault: Vault, asked: Request, until_at: int, *, now_us: int
) -> Granted:
    wanted = asked.wanted
    newest = await log.newest_cursor(tx, wanted.tenant)
    missed, cursor, is_truncated = await _missed(tx, asked, newest)
    made, _ = await endpoints.register(
        tx,
        vault,
        tenant=wanted.tenant,
        new=NewEndpoint(url=wanted.url, events=(wanted.name,), filter=asked.payload_filter),
        rights=EndpointRights(who=wanted.subscriber_id),
        subscription=NewSubscription(
            wanted.id, wanted.subscriber_id, asked.secret, until_at, cursor.text()
        ),
        now_us=now_us,
    )
    stays_disabled = await _take_over_disabling(tx, wanted)
    await delivery.insert_again(
        tx,
        [
            delivery.NewDelivery(
                event_id=event.id,
                endpoint_id=made.id,
                account_id=wanted.tenant.account_id,
                environment=wanted.tenant.environment,
                event_type=event.type,
                transaction_id=event.transaction_id,
                next_attempt_at=now_us,
                created_at=now_us,
            )
            for event in missed
        ],
    )
    if stays_disabled:
        changes = EndpointChanges(status=DISABLED)
        made = await endpoints.patch(
            tx, vault, wanted.tenant, made.id, changes=changes, now_us=now_us
        )
    return Granted(made, cursor.text(), is_truncated, is_new=True)


async def _take_over_disabling(tx: Transaction, wanted: Wanted) -> bool:
    """Return whether the owner had disabled this subscription before it ended. If so, only the owner may enable it."""
    ended = await tx.fetch(_ENDED_DISABLED, **wanted.tenant._asdict(), subscription_id=wanted.id)
    for row in ended:
        # From now on, the new endpoint's row says that it is disabled.
        columns = {"status": ENABLED, "disabled_reason": None, "disabled_at": None}
        await update(tx, "endpoints", {"id": row["id"]}, columns)
    return bool(ended)


async def _missed(
    tx: Transaction, asked: Request, newest: EventCursor
) -> tuple[list[log.Event], EventCursor, bool]:
    """Return the events since the client's cursor, the cursor to start from, and whether events were left out."""
    if asked.cursor is None:
        return [], newest, False
    try:
        page = await log.events_after(
            tx,
            asked.wanted.tenant,
            after=asked.cursor,
            event_type=asked.wanted.name,
            limit=REPLAYED_MAX,
            param="cursor",
        )
    except CursorRefused:
        return [], newest, True
    recent = [event for event in page.events if event.created_at >= asked.not_before_us]
    if page.has_more or len(recent) < len(page.events):
        # Start now instead of sending only some of the missed events.
        return [], newest, True
    matches = _matching(asked.payload_filter)
    return [event for event in recent if matches(event)], asked.cursor, False


def _matching(wanted: Mapping[str, Any] | None) -> Any:
    if wanted is None:
        return lambda _event: True
    wanted_filter = payload_filter(_encode(wanted).decode())
    return lambda event: wanted_filter.matches(msgspec.json.decode(event.body)["data"])


async def _renew(
    tx: Transaction,
    vault: Vault,
    asked: Request,
    found: Endpoint,
    until_at: int,
    *,
    has_agreed: bool,
    now_us: int,
) -> Granted:
    tenant = asked.wanted.tenant
    cursor = found.subscription_cursor
    if await tx.fetch_one(_ANY_OPEN, id=found.id) is None:
        cursor = (await log.newest_cursor(tx, tenant)).text()
    assert cursor is not None, "a subscription has one"
    columns = {"subscription_until_at": until_at, "subscription_cursor": cursor}
    await update(tx, "endpoints", {"id": found.id}, columns)
    row = await tx.fetch_one(_SECRET, id=found.id)
    assert row is not None, "it was found under the account's lock"
    if not _is_secret(vault, found.id, row["secret_sealed"], asked.secret):
        await endpoints.rotate_secret(
            tx, vault, tenant, found.id, overlap_s=OVERLAP_S, given=asked.secret, now_us=now_us
        )
    # A receiver that agrees again gets deliveries again, unless a user turned them off.
    if has_agreed and found.status == DISABLED and found.disabled_reason != BY_REQUEST:
        await endpoints.patch(
            tx, vault, tenant, found.id, changes=EndpointChanges(status=ENABLED), now_us=now_us
        )
    return Granted(
        await endpoints.get(tx, vault, tenant, found.id), cursor, is_truncated=False, is_new=False
    )


def _is_secret(vault: Vault, endpoint_id: str, sealed: bytes, secret: str) -> bool:
    try:
        held = opened_secret(vault, endpoint_id, sealed)
    except SealBroken:
        return False
    return hmac.compare_digest(held.encode(), secret.encode())


# These events matter to an agent that sends credit or waits for it.
NAMES: Final = (
    "topup.delivered",
    "topup.failed",
    "topup.cancelled",
    "topup.pending",
    "topup.claimed",
    "topup.scheduled",
    "topup.reversed",
    "approval.requested",
    "approval.approved",
    "approval.denied",
    "approval.cancelled",
    "approval.expired",
    "key.cap_near",
    "key.cap_reached",
    "balance.low",
    "order.paid",
    "order.failed",
    "batch.completed",
)
# Each argument must equal the field of the same name in an event's data.
_NARROWS: Final = {"transaction_id": "Only this top-up: txn_…", "key_id": "Only this key: key_…"}
_VALUE_CHARACTERS_MAX: Final = 64
# The list's readers need names and types. The documentation has the descriptions.
_DROPPED: Final = frozenset(
    {"description", "title", "examples", "pattern", "minLength", "maxLength"}
)


class EventKind(NamedTuple):
    name: str
    description: str
    argument: str | None

    def input_schema(self) -> dict[str, Any]:
        argument = self.argument
        properties = (
            {}
            if argument is None
            else {argument: {"type": "string", "description": _NARROWS[argument]}}
        )
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def payload_schema(self) -> dict[str, Any]:
        return dict(_compact(msgspec.json.schema(TYPES[self.name].data)))

    def filter_of(self, arguments: Mapping[str, Any]) -> dict[str, list[str]] | None:
        """Return the endpoint's filter. Raise InvalidInput for arguments that don't match input_schema."""
        for name, value in arguments.items():
            if name != self.argument:
                allowed = self.argument or "no arguments"
                raise InvalidInput(f"{self.name} takes {allowed}.", param=f"arguments.{name[:64]}")
            if not isinstance(value, str) or not 1 <= len(value) <= _VALUE_CHARACTERS_MAX:
                raise InvalidInput(
                    f"`{name}` must be a string of 1 to {_VALUE_CHARACTERS_MAX} characters.",
                    param=f"arguments.{name}",
                )
        return {name: [value] for name, value in arguments.items()} or None


@cache
def kinds() -> Mapping[str, EventKind]:
    found = {}
    for name in NAMES:
        fields = {one.encode_name for one in msgspec.structs.fields(TYPES[name].data)}
        argument = next((one for one in _NARROWS if one in fields), None)
        # A top-up's events contain both fields. The first is enough, because an agent knows the top-up's ID.
        found[name] = EventKind(name, TYPES[name].sentence, argument)
    return found


def _compact(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_compact(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for name, value in schema.items():
        if name in {"properties", "$defs"}:
            kept[name] = {key: _compact(one) for key, one in value.items()}
        elif name not in _DROPPED:
            kept[name] = _compact(value)
    return kept
