"""An agent registers a webhook, tries it and reads what was sent."""

import pytest

from tests.support.gateway import Gateway
from tests.support.mcp_agent import agent, code_of, data_of, error_of, fresh_key
from tests.support.receiver import Receiver

pytestmark = pytest.mark.one_database


async def test_a_webhook_is_registered_once_tried_and_its_deliveries_read(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as receiver, agent(gateway, key) as client:
        asked = {"url": receiver.url, "events": ["topup.delivered"], **fresh_key()}
        made = await client.use("register_webhook", asked)
        again = await client.use("register_webhook", asked)
        which = data_of(made)["id"]
        tried = await client.use("test_webhook", {"endpoint_id": which})
        sent = await client.send()
        listed = await client.use("list_deliveries", {"endpoint_id": which})

    assert data_of(made)["secret"].startswith("whsec_")
    assert data_of(again) == data_of(made)
    assert (code_of(tried), data_of(tried)["http_status"]) == (1000, 200)
    assert receiver.received
    of_send = [
        one["event_type"]
        for one in data_of(listed)["items"]
        if one["event_type"] == "topup.delivered"
    ]
    assert (code_of(sent), of_send) == (1001, ["topup.delivered"])


async def test_what_is_wrong_with_an_endpoint_is_told(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as receiver, agent(gateway, key) as client:
        none = await client.use("test_webhook", {})
        other = await client.use("test_webhook", {"endpoint_id": "we_0"})
        path = await client.use("test_webhook", {"endpoint_id": "../keys"})
        event = await client.use(
            "register_webhook",
            {"url": receiver.url, "events": ["topup.deliverd"], **fresh_key()},
        )

    [missing] = data_of(none)["error"]["errors"]
    assert missing["param"] == "endpoint_id"
    assert error_of(none) == (2007, "fix_request")
    assert code_of(other) == code_of(path)
    [unknown] = data_of(event)["error"]["errors"]
    assert unknown["did_you_mean"] == "topup.delivered"
