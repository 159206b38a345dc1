"""Publish events about keys in the transaction that changes the key. The caller holds the tenant's lock."""

from typing import Literal

from msgspec import to_builtins

from kernel.tenant import Tenant
from keys.api_keys.api_key import ApiKey
from store.database import Transaction
from webhooks.events.event import Outbox
from webhooks.events.schemas import KeyChanged

KeyEvent = Literal["key.created", "key.paused", "key.resumed", "key.revoked"]


async def publish_key(
    tx: Transaction, event_type: KeyEvent, key: ApiKey, *, by: str, now_us: int
) -> None:
    """Publish an event about the key. `by` is the ID of the credential that changed it, or `cli`."""
    tenant = Tenant(key.account_id, key.environment)
    outbox = await Outbox.load(tx, [tenant])
    data = to_builtins(KeyChanged.of(key, by=by, scopes=list(key.scopes)))
    outbox.publish(tenant, type=event_type, data=data, now_us=now_us)
    await outbox.flush(tx)
