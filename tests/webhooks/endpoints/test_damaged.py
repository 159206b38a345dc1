"""What does not open of one endpoint stops nothing but that endpoint, and its owner can mend it."""

from typing import cast

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.row_mapping import update
from tests.support.webhook_rows import given_account, given_endpoint, new_vault
from webhooks.certification.certify import CannotSign, certify_endpoint
from webhooks.endpoints.endpoint import Endpoint, get, list_endpoints, patch
from webhooks.endpoints.fields import EndpointChanges
from webhooks.endpoints.ping import Sender, send_test
from webhooks.http.guard import Policy
from webhooks.http.transport import Transport


async def damage(database: Database, endpoint_id: str, column: str) -> None:
    async def work(tx: Transaction) -> None:
        await update(tx, "endpoints", {"id": endpoint_id}, {column: b"damaged"})

    await database.transaction(work)


async def set_headers(
    database: Database, tenant: Tenant, endpoint_id: str, headers: dict[str, str]
) -> Endpoint:
    changes = EndpointChanges(headers=headers)
    return await database.transaction(
        lambda tx: patch(tx, new_vault(), tenant, endpoint_id, changes=changes, now_us=1)
    )


class Unreached:
    """Nothing may be sent: it could not be signed."""

    async def post(self, *_: object, **__: object) -> None:
        raise AssertionError("nothing is sent")


async def test_headers_that_do_not_open_are_listed_as_null_and_set_anew(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    tenant, vault = Tenant(await given_account(database, clock), "staging"), new_vault()
    broken, _ = await given_endpoint(database, clock, tenant)
    sound, _ = await given_endpoint(database, clock, tenant)
    await set_headers(database, tenant, sound.id, {"X-Team": "b"})
    await damage(database, broken.id, "headers_sealed")

    listed = await database.read(lambda tx: list_endpoints(tx, vault, tenant))
    mended = await set_headers(database, tenant, broken.id, {"X-Desk": "c"})

    assert [(one.id, one.shape()["headers"]) for one in listed] == [
        (sound.id, {"X-Team": "********"}),
        (broken.id, None),
    ]
    assert mended.shape()["headers"] == {"X-Desk": "********"}
    assert caplog.records[0].message == "secrets.seal_broken"
    assert vars(caplog.records[0])["endpoint_id"] == broken.id


async def test_a_secret_that_does_not_open_fails_its_tests_alone(
    database: Database, clock: FixedClock
) -> None:
    tenant, vault = Tenant(await given_account(database, clock), "staging"), new_vault()
    broken, _ = await given_endpoint(database, clock, tenant)
    await damage(database, broken.id, "secret_sealed")
    transport = cast(Transport, Unreached())

    sender = Sender(database, vault, transport, clock, Policy(), timeout_s=1.0)

    attempt = await send_test(sender, tenant, broken.id)
    with pytest.raises(CannotSign, match="Rotate its secret"):
        await certify_endpoint(sender, tenant, broken.id, effects_url=None)

    assert (attempt.http_status, attempt.error) == (None, "protocol")
    assert "webhook_secret" in (attempt.reason or "")
    shown = await database.read(lambda tx: get(tx, vault, tenant, broken.id))
    assert shown.status == "enabled"
