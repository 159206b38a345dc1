"""Subscriptions of MCP clients on both databases: found again, renewed, ended with their credential, pruned."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from kernel.clock import DAY_US, SECOND_US, FixedClock
from kernel.tenant import Tenant
from keys.api_keys.api_key import mint, revoke
from keys.api_keys.fields import NewKey
from keys.authorization.token import scopes_of
from keys.tokens import access_token
from store.database import Database, Transaction
from tests.support.mcp_events import new_secret
from tests.support.webhook_rows import given_account, new_vault
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.fields import EndpointChanges
from webhooks.subscriptions import subscription
from webhooks.subscriptions.subscription import Granted, Request, Wanted

T = TypeVar("T")
URL = "https://hooks.example.com/mcp"


async def run(database: Database, work: Callable[[Transaction], Awaitable[T]]) -> T:
    return await database.transaction(work)


async def given_key(database: Database, tenant: Tenant, now_us: int, **fields: Any) -> str:
    async def work(tx: Transaction) -> str:
        new = NewKey(**{"name": "agent", "scopes": ("webhooks:read",), **fields})
        made, _ = await mint(
            tx,
            account_id=tenant.account_id,
            environment="staging",
            parent=None,
            new=new,
            now_us=now_us,
        )
        return made.id

    return await run(database, work)


def asked(wanted: Wanted, secret: str, ttl_us: int | None = None) -> Request:
    return Request(wanted, secret, None, None, ttl_us, 0)


async def subscribed(database: Database, request: Request, now_us: int) -> Granted:
    async def work(tx: Transaction) -> Granted:
        return await subscription.subscribe(
            tx, new_vault(), request, is_sandbox=False, now_us=now_us
        )

    return await run(database, work)


async def is_over(database: Database, granted: Granted, now_us: int) -> bool:
    over = partial(subscription.over, endpoint_id=granted.endpoint.id, now_us=now_us)
    return await database.read(over) is not None


async def test_one_is_renewed_and_ends_with_its_time(database: Database, clock: FixedClock) -> None:
    now_us = clock.now_us()
    tenant = Tenant(await given_account(database, clock), "staging")
    key_id = await given_key(database, tenant, now_us)
    wanted = Wanted(tenant, key_id, URL, "topup.delivered", {"transaction_id": "txn_1"})
    secret = new_secret()
    first = await subscribed(database, asked(wanted, secret, 0), now_us)
    again = await subscribed(database, asked(wanted, secret), now_us + SECOND_US)

    assert (first.is_new, again.is_new) == (True, False)
    assert first.endpoint.id == again.endpoint.id
    assert first.endpoint.subscription_until_at == now_us + subscription.TTL_US_MIN
    assert not await is_over(database, again, now_us + subscription.TTL_US_MIN)
    assert await is_over(database, again, now_us + 2 * DAY_US)
    verified = await database.read(
        partial(subscription.is_verified, wanted=wanted, now_us=now_us + SECOND_US)
    )
    assert verified


async def test_one_ends_with_its_key_and_its_row_goes_last(
    database: Database, clock: FixedClock
) -> None:
    now_us = clock.now_us()
    tenant = Tenant(await given_account(database, clock), "staging")
    key_id = await given_key(database, tenant, now_us)
    wanted = Wanted(tenant, key_id, URL, "topup.delivered", {})
    granted = await subscribed(database, asked(wanted, new_secret()), now_us)
    assert not await is_over(database, granted, now_us)

    await run(database, lambda tx: revoke(tx, tenant, key_id, asker=None, now_us=now_us))
    assert await is_over(database, granted, now_us)

    gone = await run(
        database,
        lambda tx: subscription.unsubscribe(tx, new_vault(), wanted, now_us=now_us),
    )
    assert gone is not None
    # The worker has yet to look for open deliveries.
    assert await run(database, subscription.prune) == 0
    await run(
        database,
        lambda tx: tx.execute(
            "DELETE FROM endpoint_queue WHERE endpoint_id = :id", id=granted.endpoint.id
        ),
    )
    assert await run(database, subscription.prune) == 1
    assert await run(database, subscription.prune) == 0


async def test_a_disabled_one_is_remembered_until_its_successor_is(
    database: Database, clock: FixedClock
) -> None:
    now_us = clock.now_us()
    tenant = Tenant(await given_account(database, clock), "staging")
    key_id = await given_key(database, tenant, now_us)
    wanted = Wanted(tenant, key_id, URL, "topup.delivered", {})

    async def end(endpoint_id: str) -> None:
        gone = partial(subscription.unsubscribe, vault=new_vault(), wanted=wanted, now_us=now_us)
        await run(database, gone)
        await run(
            database,
            lambda tx: tx.execute(
                "DELETE FROM endpoint_queue WHERE endpoint_id = :id", id=endpoint_id
            ),
        )

    async def switch(endpoint_id: str, status: str) -> None:
        patch = partial(
            endpoints.patch,
            vault=new_vault(),
            tenant=tenant,
            endpoint_id=endpoint_id,
            changes=EndpointChanges(status=status),
            now_us=now_us,
        )
        await run(database, patch)

    first = await subscribed(database, asked(wanted, new_secret()), now_us)
    await switch(first.endpoint.id, "disabled")
    await end(first.endpoint.id)
    assert await run(database, subscription.prune) == 0

    second = await subscribed(database, asked(wanted, new_secret()), now_us)
    assert (second.is_new, second.endpoint.status) == (True, "disabled")
    # The second one remembers it now.
    assert await run(database, subscription.prune) == 1
    await switch(second.endpoint.id, "enabled")
    await end(second.endpoint.id)
    assert await run(database, subscription.prune) == 1
    third = await subscribed(database, asked(wanted, new_secret()), now_us)
    assert third.endpoint.status == "enabled"


async def test_a_credential_is_judged_by_its_id(database: Database, clock: FixedClock) -> None:
    now_us = clock.now_us()
    tenant = Tenant(await given_account(database, clock), "staging")
    key_id = await given_key(database, tenant, now_us, scopes=("topup:read", "webhooks:read"))

    async def token(tx: Transaction) -> str:
        made, _ = await access_token.create(
            tx,
            kind="system",
            account_id=tenant.account_id,
            environment="staging",
            name="own",
            maker=None,
            now_us=now_us,
        )
        return made.id

    token_id = await run(database, token)

    async def scopes(credential_id: str) -> frozenset[str]:
        return await database.read(partial(scopes_of, credential_id=credential_id, now_us=now_us))

    assert await scopes(key_id) == {"topup:read", "webhooks:read"}
    assert "webhooks:read" in await scopes(token_id)
    assert await scopes("key_none") == await scopes("tok_none") == frozenset()
    await run(database, lambda tx: revoke(tx, tenant, key_id, asker=None, now_us=now_us))
    assert await scopes(key_id) == frozenset()
