"""Store an account's webhook endpoints: URLs for events, and the secrets that sign the events.

After a rotation, older secrets and keys also sign until their overlap ends. Each endpoint has its own key pair,
because a v1a signature doesn't name its recipient. Secrets and header values are encrypted and bound to the
endpoint's ID. Every change holds the account's lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, to_builtins

from kernel.clock import SECOND_US
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import EndpointId, new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys.signatures.signing import new_seed, new_webhook_secret, public_text
from keys.vault import SealBroken, Vault
from store.database import Row, Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import NUMBERS, WORDS, RowMapping, as_json, update
from webhooks.deliveries import delivery, endpoint_queue, notice, sequence
from webhooks.deliveries.sealed import (
    MASKED,
    OlderSecret,
    SigningKey,
    header_names,
    opened_keys,
    opened_older,
    opened_secret,
    sealed_headers,
    sealed_keys,
    sealed_older,
    sealed_secret,
)
from webhooks.endpoints.fields import (
    EndpointChanges,
    EndpointRights,
    NewEndpoint,
    check_changes,
    check_description,
    check_events,
    check_headers,
    check_new,
    check_rate_limit,
    check_retry_schedule,
    included_columns,
)
from webhooks.events import schemas
from webhooks.events.payload_filter import check_filter

NO_KEYS: Final[Mapping[str, Any]] = {"signing_keys_sealed": None, "public_keys": None}

_PUBLISHED = "public_keys IS NOT NULL AND deleted_at IS NULL"
_ONE = f"SELECT id, public_keys FROM endpoints WHERE id = :id AND {_PUBLISHED}"
_PAGE = f"""
SELECT id, public_keys FROM endpoints WHERE id > :after AND {_PUBLISHED} ORDER BY id LIMIT :rows
"""


class PublicKey(NamedTuple):
    """A public key. The matching private key signs until until_us. The newest key has no end time."""

    text: str
    until_us: int | None


class EndpointKeys(NamedTuple):
    endpoint_id: str
    keys: tuple[PublicKey, ...]

    def at(self, now_us: int) -> list[PublicKey]:
        return [one for one in self.keys if one.until_us is None or now_us < one.until_us]


_decode = msgspec.json.Decoder(tuple[PublicKey, ...]).decode


def first_key_columns(vault: Vault, endpoint_id: str) -> dict[str, Any]:
    return _key_columns(vault, endpoint_id, [SigningKey(new_seed(), None)])


def switched_key_columns(
    vault: Vault, endpoint_id: str, *, was_on: bool, is_on: bool
) -> dict[str, Any]:
    if was_on is is_on:
        return {}
    return first_key_columns(vault, endpoint_id) if is_on else dict(NO_KEYS)


def rotated_key_columns(
    vault: Vault,
    endpoint_id: str,
    sealed: bytes | None,
    *,
    until_us: int,
    now_us: int,
    older_max: int,
) -> dict[str, Any]:
    """Return the columns to change when a new key is added. The previous key signs before until_us.

    At most older_max older keys continue to sign until they expire.
    """
    if sealed is None:
        return {}
    try:
        keys = opened_keys(vault, endpoint_id, sealed)
    except SealBroken:
        # Keys that can't be decrypted can't sign either.
        keys = ()
    ends = [until_us if key.until_us is None else key.until_us for key in keys]
    older = [SigningKey(key.seed, end) for key, end in zip(keys, ends, strict=True) if now_us < end]
    return _key_columns(vault, endpoint_id, [SigningKey(new_seed(), None), *older[:older_max]])


def _key_columns(vault: Vault, endpoint_id: str, keys: Sequence[SigningKey]) -> dict[str, Any]:
    public = [PublicKey(public_text(key.seed), key.until_us) for key in keys]
    return {
        "signing_keys_sealed": sealed_keys(vault, endpoint_id, keys),
        "public_keys": msgspec.json.encode(public).decode(),
    }


async def keys_of(tx: Transaction, endpoint_id: str) -> EndpointKeys | None:
    row = await tx.fetch_one(_ONE, id=endpoint_id)
    return None if row is None else EndpointKeys(row["id"], _decode(row["public_keys"]))


async def keys_after(tx: Transaction, after_id: str, *, limit: int) -> list[EndpointKeys]:
    rows = await tx.fetch(_PAGE, after=after_id, rows=limit)
    return [EndpointKeys(row["id"], _decode(row["public_keys"])) for row in rows]


ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
BY_REQUEST: Final = "request"
FAILING: Final = "failing"  # The endpoint was disabled after days of failures (see disabling.py).
ENDPOINTS_MAX: Final = 50
SANDBOX_ENDPOINTS_MAX: Final = 2
OVERLAP_S_DEFAULT: Final = 86_400
OVERLAP_S_MAX: Final = 7 * 86_400
OLDER_SECRETS_MAX: Final = 5
_NO_RIGHTS: Final = EndpointRights()
_OF_CLIENT: Final = (
    "This webhook belongs to an MCP client's subscription. Only the client can change it, with"
    " events/subscribe; you can disable or delete it."
)

_MINE = "account_id = :account_id AND environment = :environment AND deleted_at IS NULL"
# MCP clients' subscriptions have a separate maximum.
_COUNT = f"SELECT COUNT(*) AS n FROM endpoints WHERE {_MINE} AND subscription_id IS NULL"
_SECRETS = """
SELECT secret_sealed, previous_secret_sealed, signing_keys_sealed FROM endpoints WHERE id = :id
"""
# Sort the healthiest endpoints first: enabled, then failing, then disabled.
_ILLNESS = (
    """CASE WHEN status <> 'enabled' THEN 2 WHEN failing_since_at IS NOT NULL THEN 1 ELSE 0 END"""
)


class NewSubscription(NamedTuple):
    """An MCP client's subscription, with the client's own secret (see webhooks/subscriptions)."""

    id: str
    subscriber_id: str
    secret: str
    until_at: int
    cursor: str


class TooManyEndpoints(DomainError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A webhook endpoint. Empty `events` means all event types.

    If header_names is None, the headers can't be decrypted. Nothing is sent until the user sets them again.
    """

    id: EndpointId
    account_id: str
    environment: str
    url: str
    description: str
    events: tuple[str, ...]
    header_names: tuple[str, ...] | None = ()
    retry_schedule_s: tuple[int, ...]
    rate_limit_per_s: int | None
    ordered: bool
    include_codes: bool
    had_codes: bool
    include_approval_links: bool
    had_approval_links: bool
    payload_filter: dict[str, Any] | None
    public_keys: tuple[PublicKey, ...] | None
    status: str
    disabled_reason: str | None
    disabled_at: int | None
    failing_since_at: int | None
    probe_at: int | None  # The time of the next probe, while the endpoint is disabled for failing.
    created_at: int
    subscription_id: str | None = None
    subscriber_id: str | None = None
    subscription_until_at: int | None = None
    subscription_cursor: str | None = None

    @property
    def public_key(self) -> str | None:
        return self.public_keys[0].text if self.public_keys else None

    def shape(self) -> dict[str, Any]:
        shown = schemas.Endpoint.of(
            self,
            events=list(self.events),
            retry_schedule_s=list(self.retry_schedule_s),
            headers=None if self.header_names is None else dict.fromkeys(self.header_names, MASKED),
            filter=self.payload_filter,
        )
        return dict(to_builtins(shown))


_ROWS = RowMapping(
    Endpoint,
    stored={
        "events": WORDS,
        "retry_schedule_s": NUMBERS,
        "payload_filter": as_json(dict[str, Any]),
        "public_keys": as_json(tuple[PublicKey, ...]),
    },
    without=("header_names",),
)
COLUMNS: Final = f"{_ROWS.listed}, headers_sealed"
_GET = f"SELECT {COLUMNS} FROM endpoints WHERE id = :id AND {_MINE}"
_PAGES = Keyset(COLUMNS, "endpoints", _MINE, sorts={"url": "url", "health": _ILLNESS})
SORTS: Final = _PAGES.sorts


async def register(
    tx: Transaction,
    vault: Vault,
    *,
    tenant: Tenant,
    new: NewEndpoint,
    is_sandbox: bool = False,
    rights: EndpointRights = _NO_RIGHTS,
    subscription: NewSubscription | None = None,
    now_us: int,
) -> tuple[Endpoint, str]:
    """Insert an endpoint. Return it and its secret.

    Before this transaction, the caller has checked the URL with fields.check_target and counted the subscriptions.
    Raise ScopeMissing if the caller may not send codes or links.
    """
    account_id, environment = tenant
    check_new(new, rights)
    events = check_events(new.events)
    headers = check_headers(new.headers or {})
    schedule_s = check_retry_schedule(new.retry_schedule_s)
    check_rate_limit(new.rate_limit_per_s)
    id_, secret = new_id("we"), new_webhook_secret()
    if subscription is None:
        await _check_count(tx, tenant, SANDBOX_ENDPOINTS_MAX if is_sandbox else ENDPOINTS_MAX)
    else:
        secret = subscription.secret
    row = {
        "id": id_,
        "account_id": account_id,
        "environment": environment,
        "url": new.url,
        "description": check_description(new.description),
        "events": events,
        "headers_sealed": sealed_headers(vault, id_, headers),
        "secret_sealed": sealed_secret(vault, id_, secret),
        "retry_schedule_s": schedule_s,
        "rate_limit_per_s": new.rate_limit_per_s,
        "ordered": int(new.ordered),
        "include_codes": int(new.include_codes),
        "had_codes": int(new.include_codes),
        "include_approval_links": int(new.include_approval_links),
        "had_approval_links": int(new.include_approval_links),
        "payload_filter": check_filter(new.filter),
        "status": ENABLED,
        "created_at": now_us,
        "made_by": rights.who,
        **({} if subscription is None else _subscribed_columns(subscription)),
        **(first_key_columns(vault, id_) if new.ed25519 else NO_KEYS),
    }
    await tx.insert("endpoints", tuple(row), [tuple(row.values())])
    await endpoint_queue.begin(tx, id_, account_id, environment)
    return await get(tx, vault, tenant, id_), secret


def _subscribed_columns(subscription: NewSubscription) -> dict[str, Any]:
    return {
        "subscription_id": subscription.id,
        "subscriber_id": subscription.subscriber_id,
        "subscription_until_at": subscription.until_at,
        "subscription_cursor": subscription.cursor,
    }


async def get(tx: Transaction, vault: Vault, tenant: Tenant, endpoint_id: str) -> Endpoint:
    row = await tx.fetch_one(
        _GET, id=endpoint_id, account_id=tenant.account_id, environment=tenant.environment
    )
    if row is None:
        raise NotFound("Webhook", param="id")
    return endpoint_of(row, vault)


async def list_endpoints(
    tx: Transaction,
    vault: Vault,
    tenant: Tenant,
    *,
    before_id: Begin = None,
    limit: int = PAGE_ITEMS,
) -> list[Endpoint]:
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit)
    return [endpoint_of(row, vault) for row in rows]


async def patch(
    tx: Transaction,
    vault: Vault,
    tenant: Tenant,
    endpoint_id: str,
    *,
    changes: EndpointChanges,
    rights: EndpointRights = _NO_RIGHTS,
    now_us: int,
) -> Endpoint:
    """Change an endpoint. The caller has checked a new URL with check_target, before this transaction.

    Events that were already published don't change. Enabling the endpoint sends held deliveries, slowly at
    first. Disabling an endpoint that was disabled for failing stops its probes.

    Raise ScopeMissing if the caller may not send codes or links to the endpoint.
    """
    before = await get(tx, vault, tenant, endpoint_id)
    if before.subscription_id is not None:
        _check_subscribed(changes)
    check_changes(
        changes,
        rights,
        is_moved=changes.url is not UNSET and changes.url != before.url,
        had_codes=before.had_codes,
        had_links=before.had_approval_links,
    )
    columns = _changed_columns(vault, endpoint_id, changes)
    if changes.ed25519 is not UNSET:
        columns |= switched_key_columns(
            vault, endpoint_id, was_on=before.public_key is not None, is_on=changes.ed25519
        )
    is_kept_off = changes.status == DISABLED and before.disabled_reason == FAILING
    if changes.status is not UNSET and (changes.status != before.status or is_kept_off):
        columns |= _status_columns(changes.status, now_us=now_us)
        await notice.end(tx, [endpoint_id], now_us=now_us)
    if columns:
        await update(tx, "endpoints", {"id": endpoint_id}, columns)
        if "enabled_at" in columns:
            await endpoint_queue.begin_again(tx, endpoint_id, now_us=now_us)
        elif "disabled_at" in columns:
            await endpoint_queue.end(tx, endpoint_id, ending_at=now_us)
        elif ("rate_tat_us" in columns or "ordered" in columns) and before.status == ENABLED:
            # Make the endpoint due now. Its ready_at may result from the old rate limit or from waiting deliveries.
            await endpoint_queue.bring_forward_counted(tx, [(endpoint_id, *tenant, now_us)])
        if before.ordered and columns.get("ordered") == 0:
            await sequence.let_go(tx, endpoint_id, now_us=now_us)
        tx.hint(delivery.HINT)
    return await get(tx, vault, tenant, endpoint_id)


def _check_subscribed(changes: EndpointChanges) -> None:
    for name in EndpointChanges.__slots__:
        if name not in {"status", "description"} and getattr(changes, name) is not UNSET:
            raise InvalidInput(_OF_CLIENT, param=name)


async def rotate_secret(
    tx: Transaction,
    vault: Vault,
    tenant: Tenant,
    endpoint_id: str,
    *,
    overlap_s: int = OVERLAP_S_DEFAULT,
    given: str | None = None,
    now_us: int,
) -> tuple[Endpoint, str]:
    """Give an endpoint a new secret, and a new key pair if it has one.

    Older secrets sign for another overlap_s, or until they expire, if that is earlier. `given` is the secret that an
    MCP client chose.
    """
    if not 0 <= overlap_s <= OVERLAP_S_MAX:
        raise InvalidInput(f"`overlap_s` must be from 0 to {OVERLAP_S_MAX}.", param="overlap_s")
    endpoint = await get(tx, vault, tenant, endpoint_id)
    if (endpoint.subscription_id is None) is not (given is None):
        raise InvalidInput(_OF_CLIENT, param="id")
    secret = given or new_webhook_secret()
    row = await tx.fetch_one(_SECRETS, id=endpoint_id)
    assert row is not None, "get() has seen it, under the account's lock"
    until_us = now_us + overlap_s * SECOND_US
    before = _secrets_before(vault, endpoint_id, row, until_us)
    older = [one for one in before if now_us < one.until_us][:OLDER_SECRETS_MAX]
    columns = {
        "secret_sealed": sealed_secret(vault, endpoint_id, secret),
        "previous_secret_sealed": sealed_older(vault, endpoint_id, older),
        "previous_secret_until_at": max((one.until_us for one in older), default=None),
        **rotated_key_columns(
            vault,
            endpoint_id,
            row["signing_keys_sealed"],
            until_us=until_us,
            now_us=now_us,
            older_max=OLDER_SECRETS_MAX,
        ),
    }
    await update(tx, "endpoints", {"id": endpoint_id}, columns)
    return await get(tx, vault, tenant, endpoint_id), secret


async def delete(
    tx: Transaction, vault: Vault, tenant: Tenant, endpoint_id: str, *, now_us: int
) -> Endpoint:
    """Delete an endpoint and its secrets. A worker cancels its deliveries later."""
    endpoint = await get(tx, vault, tenant, endpoint_id)
    gone = {
        "deleted_at": now_us,
        "secret_sealed": b"",
        "previous_secret_sealed": None,
        "previous_secret_until_at": None,
        "headers_sealed": None,
        **NO_KEYS,
        "probe_at": None,
    }
    await update(tx, "endpoints", {"id": endpoint_id}, gone)
    await notice.end(tx, [endpoint_id], now_us=now_us)
    await endpoint_queue.end(tx, endpoint_id, ending_at=now_us)
    tx.hint(endpoint_queue.ENDING_HINT)
    return endpoint


def _secrets_before(
    vault: Vault, endpoint_id: str, row: Row, until_us: int
) -> tuple[OlderSecret, ...]:
    """Return the secrets that stay valid, or none if they can't be decrypted. The newest one expires at until_us."""
    try:
        last = OlderSecret(opened_secret(vault, endpoint_id, row["secret_sealed"]), until_us)
        return (last, *opened_older(vault, endpoint_id, row["previous_secret_sealed"]))
    except SealBroken:
        return ()


def _changed_columns(vault: Vault, endpoint_id: str, changes: EndpointChanges) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if changes.url is not UNSET:
        columns["url"] = changes.url
    if changes.events is not UNSET:
        columns["events"] = check_events(changes.events)
    if changes.description is not UNSET:
        columns["description"] = check_description(changes.description)
    if changes.headers is not UNSET:
        headers = check_headers(changes.headers or {})
        columns["headers_sealed"] = sealed_headers(vault, endpoint_id, headers)
    if changes.retry_schedule_s is not UNSET:
        columns["retry_schedule_s"] = check_retry_schedule(changes.retry_schedule_s)
    if changes.rate_limit_per_s is not UNSET:
        # Reset the limiter, because its state may result from a faster rate.
        columns["rate_limit_per_s"] = check_rate_limit(changes.rate_limit_per_s)
        columns["rate_tat_us"] = 0
    if changes.ordered is not UNSET:
        columns["ordered"] = int(changes.ordered)
    if changes.filter is not UNSET:
        columns["payload_filter"] = check_filter(changes.filter)
    return columns | included_columns(changes)


def _status_columns(status: str, *, now_us: int) -> dict[str, Any]:
    if status == ENABLED:
        columns: dict[str, Any] = {"disabled_reason": None, "disabled_at": None, "probe_at": None}
        columns |= {"enabled_at": now_us, "failing_since_at": None}
        return {"status": ENABLED, **columns}
    if status == DISABLED:
        columns = {"disabled_reason": BY_REQUEST, "disabled_at": now_us, "probe_at": None}
        return {"status": DISABLED, **columns}
    raise InvalidInput(f"`status` must be {ENABLED} or {DISABLED}.", param="status")


async def _check_count(tx: Transaction, tenant: Tenant, endpoints_max: int) -> None:
    row = await tx.fetch_one(_COUNT, account_id=tenant.account_id, environment=tenant.environment)
    if row is not None and row["n"] >= endpoints_max:
        raise TooManyEndpoints(
            f"An account can have at most {endpoints_max} webhooks in each environment. "
            "Delete one first.",
            reason="endpoints",
            extra={"limit": endpoints_max, "remaining": 0},
        )


def endpoint_of(row: Row, vault: Vault) -> Endpoint:
    found = _ROWS.read(row)
    return replace(found, header_names=header_names(vault, found.id, row["headers_sealed"]))
