import base64
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from tests.support.webhook_rows import given_account, given_endpoint, given_events, new_vault
from webhooks.deliveries.sealed import (
    OlderSecret,
    opened_headers,
    opened_older,
    opened_secret,
)
from webhooks.endpoints.disabling import disable_unwell
from webhooks.endpoints.endpoint import (
    Endpoint,
    TooManyEndpoints,
    delete,
    get,
    list_endpoints,
    patch,
    register,
    rotate_secret,
)
from webhooks.endpoints.fields import EndpointChanges, NewEndpoint

T = TypeVar("T")
DAY_S = 86_400
URL = "https://hooks.example.com/in"


async def rows(database: Database, text: str, **values: object) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text, **values))

    return await database.read(work)


async def in_transaction(database: Database, work: Callable[[Transaction], Awaitable[T]]) -> T:
    return await database.transaction(work)


async def given_tenant(database: Database, clock: FixedClock) -> Tenant:
    return Tenant(await given_account(database, clock), "staging")


async def rotated(
    database: Database, tenant: Tenant, endpoint_id: str, *, overlap_s: int, now_us: int
) -> str:
    """The new secret."""
    _, secret = await in_transaction(
        database,
        lambda tx: rotate_secret(
            tx, new_vault(), tenant, endpoint_id, overlap_s=overlap_s, now_us=now_us
        ),
    )
    return secret


async def older(database: Database, endpoint_id: str) -> tuple[tuple[OlderSecret, ...], int | None]:
    """The secrets before the newest, and until when one of them signs."""
    [row] = await rows(
        database, "SELECT previous_secret_sealed, previous_secret_until_at FROM endpoints"
    )
    sealed = row["previous_secret_sealed"]
    return opened_older(new_vault(), endpoint_id, sealed), row["previous_secret_until_at"]


async def test_a_new_endpoint_has_the_contracts_shape(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    new = NewEndpoint(url=URL, events=["topup.failed"], headers={"Authorization": "Bearer x"})

    endpoint, secret = await in_transaction(
        database,
        lambda tx: register(
            tx, new_vault(), tenant=tenant, new=new, is_sandbox=False, now_us=clock.now_us()
        ),
    )

    assert endpoint.shape() == {
        "id": endpoint.id,
        "url": URL,
        "events": ["topup.failed"],
        "description": "",
        "status": "enabled",
        "disabled_reason": None,
        "retry_schedule_s": [0, 5, 30],
        "rate_limit_per_s": None,
        "ordered": False,
        "include_codes": False,
        "include_approval_links": False,
        "filter": None,
        "headers": {"Authorization": "********"},
        "created_at": "2026-06-13T12:00:00Z",
    }
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


async def test_secrets_and_headers_lie_sealed_and_bound_to_their_endpoint(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    new = NewEndpoint(url=URL, headers={"Authorization": "Bearer open-sesame"})

    endpoint, secret = await in_transaction(
        database,
        lambda tx: register(
            tx, new_vault(), tenant=tenant, new=new, is_sandbox=False, now_us=clock.now_us()
        ),
    )

    [row] = await rows(database, "SELECT secret_sealed, headers_sealed FROM endpoints")
    assert secret.encode() not in row["secret_sealed"]
    assert b"sesame" not in row["headers_sealed"]
    assert opened_secret(new_vault(), endpoint.id, row["secret_sealed"]) == secret
    assert opened_headers(new_vault(), endpoint.id, row["headers_sealed"]) == {
        "Authorization": "Bearer open-sesame"
    }
    with pytest.raises(RuntimeError):
        opened_secret(new_vault(), "we_other", row["secret_sealed"])


@pytest.mark.parametrize(("is_sandbox", "endpoints_max"), [(True, 2), (False, 50)])
async def test_an_account_has_a_limited_number_of_endpoints(
    database: Database, clock: FixedClock, *, is_sandbox: bool, endpoints_max: int
) -> None:
    tenant = await given_tenant(database, clock)

    async def fill(tx: Transaction) -> None:
        for _ in range(endpoints_max + 1):
            await register(
                tx,
                new_vault(),
                tenant=tenant,
                new=NewEndpoint(url=URL),
                is_sandbox=is_sandbox,
                now_us=clock.now_us(),
            )

    with pytest.raises(TooManyEndpoints) as caught:
        await database.transaction(fill)
    assert caught.value.extra == {"limit": endpoints_max, "remaining": 0}


async def test_another_accounts_or_environments_endpoint_looks_like_none(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant)
    other = await given_account(database, clock)

    async def look(tx: Transaction) -> None:
        for stranger in (Tenant(tenant.account_id, "live"), Tenant(other, "staging")):
            with pytest.raises(NotFound, match="Webhook not found"):
                await get(tx, new_vault(), stranger, endpoint.id)

    await database.read(look)


async def test_endpoints_are_listed_newest_first(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    made = [(await given_endpoint(database, clock, tenant))[0].id for _ in range(3)]
    await given_endpoint(database, clock, Tenant(tenant.account_id, "live"))

    async def pages(tx: Transaction) -> list[list[str]]:
        first = await list_endpoints(tx, new_vault(), tenant, limit=2)
        second = await list_endpoints(tx, new_vault(), tenant, before_id=first[-1].id, limit=2)
        return [[one.id for one in first], [one.id for one in second]]

    assert await database.read(pages) == [[made[2], made[1]], [made[0]]]


async def test_a_patch_changes_what_it_names_and_nothing_else(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant, events=["topup.failed"])
    changes = EndpointChanges(
        url="https://new.example.com/", retry_schedule_s=[0], rate_limit_per_s=5
    )

    changed = await in_transaction(
        database,
        lambda tx: patch(
            tx, new_vault(), tenant, endpoint.id, changes=changes, now_us=clock.now_us()
        ),
    )

    assert changed.url == "https://new.example.com/"
    assert changed.retry_schedule_s == (0,)
    assert changed.rate_limit_per_s == 5
    assert changed.events == ("topup.failed",)


async def test_disabling_and_enabling_by_request(database: Database, clock: FixedClock) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant)

    async def to(status: str) -> Endpoint:
        return await in_transaction(
            database,
            lambda tx: patch(
                tx,
                new_vault(),
                tenant,
                endpoint.id,
                changes=EndpointChanges(status=status),
                now_us=clock.now_us(),
            ),
        )

    off = await to("disabled")
    clock.advance_s(60)
    still_off = await to("disabled")
    on = await to("enabled")

    assert (off.status, off.disabled_reason) == ("disabled", "request")
    assert still_off.disabled_at == off.disabled_at
    assert (on.status, on.disabled_reason, on.disabled_at) == ("enabled", None, None)
    with pytest.raises(InvalidInput):
        await to("paused")


async def test_a_rotation_keeps_the_older_secret_until_its_overlap_ends(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, old = await given_endpoint(database, clock, tenant)

    _, new = await in_transaction(
        database,
        lambda tx: rotate_secret(
            tx, new_vault(), tenant, endpoint.id, overlap_s=60, now_us=clock.now_us()
        ),
    )

    [row] = await rows(
        database,
        "SELECT secret_sealed, previous_secret_sealed, previous_secret_until_at FROM endpoints",
    )
    assert new != old
    assert opened_secret(new_vault(), endpoint.id, row["secret_sealed"]) == new
    until_us = clock.now_us() + 60_000_000
    assert opened_older(new_vault(), endpoint.id, row["previous_secret_sealed"]) == (
        OlderSecret(old, until_us),
    )
    assert row["previous_secret_until_at"] == until_us


async def test_a_second_rotation_leaves_the_first_ones_overlap_alone(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, first = await given_endpoint(database, clock, tenant)
    start_us = clock.now_us()

    second = await rotated(database, tenant, endpoint.id, overlap_s=60, now_us=start_us)
    await rotated(database, tenant, endpoint.id, overlap_s=10, now_us=start_us + 1)

    assert await older(database, endpoint.id) == (
        (OlderSecret(second, start_us + 10_000_001), OlderSecret(first, start_us + 60_000_000)),
        start_us + 60_000_000,
    )


async def test_a_rotation_forgets_what_no_longer_signs(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant)
    start_us = clock.now_us()

    await rotated(database, tenant, endpoint.id, overlap_s=60, now_us=start_us)
    await rotated(database, tenant, endpoint.id, overlap_s=0, now_us=start_us + 60_000_000)

    assert await older(database, endpoint.id) == ((), None)


async def test_of_many_rotations_the_oldest_secrets_leave_first(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, first = await given_endpoint(database, clock, tenant)
    now_us = clock.now_us()

    made = [first]
    made += [
        await rotated(database, tenant, endpoint.id, overlap_s=60, now_us=now_us) for _ in range(7)
    ]

    kept, _ = await older(database, endpoint.id)
    assert [one.secret for one in kept] == [made[6], made[5], made[4], made[3], made[2]]


async def test_a_deleted_endpoint_is_gone_with_its_secrets(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant, ed25519=True)

    async def remove(tx: Transaction) -> Endpoint:
        return await delete(tx, new_vault(), tenant, endpoint.id, now_us=clock.now_us())

    await database.transaction(remove)

    [row] = await rows(
        database,
        "SELECT secret_sealed, previous_secret_sealed, signing_keys_sealed, public_keys FROM endpoints",
    )
    assert bytes(row["secret_sealed"]) == b""
    assert [*row][1:] == [None, None, None]
    with pytest.raises(NotFound):
        await database.transaction(remove)


async def test_an_endpoint_that_is_gone_is_disabled_and_the_others_hear_of_it(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    gone, _ = await given_endpoint(database, clock, tenant)
    other, _ = await given_endpoint(database, clock, tenant)

    async def disable(tx: Transaction) -> list[Endpoint]:
        return await disable_unwell(tx, new_vault(), {gone.id: "gone"}, now_us=clock.now_us())

    first = await database.transaction(disable)
    second = await database.transaction(disable)

    deliveries = await rows(database, "SELECT endpoint_id, event_type FROM deliveries")
    assert [(one.id, one.status, one.disabled_reason) for one in first] == [
        (gone.id, "disabled", "gone")
    ]
    assert second == []
    assert [(row["endpoint_id"], row["event_type"]) for row in deliveries] == [
        (other.id, "endpoint.disabled")
    ]


async def test_publishing_still_writes_rows_for_a_disabled_endpoint(
    database: Database, clock: FixedClock
) -> None:
    tenant = await given_tenant(database, clock)
    endpoint, _ = await given_endpoint(database, clock, tenant)

    async def disable(tx: Transaction) -> list[Endpoint]:
        return await disable_unwell(tx, new_vault(), {endpoint.id: "gone"}, now_us=clock.now_us())

    await database.transaction(disable)
    await given_events(database, clock, tenant)

    [row] = await rows(database, "SELECT status FROM deliveries")
    assert row["status"] == "pending"
