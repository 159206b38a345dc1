"""A call counts as the records that it stores and the bytes that it brings, whatever door it comes by."""

from typing import Any

import pytest

from tests.support.browser import signed_in
from tests.support.gateway import Gateway

RECORD = {"amount_micros": 1, "description": "t"}
SEND = {"platform": "claude", "amount_cents": 100, "recipient_email": "a@mail.com"}
LIMITS = {"rate_limit_per_s": 200, "rate_limit_records_per_s": 5}


async def sandbox(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(is_sandbox=True))


async def answers(gateway: Gateway, path: str, body: dict[str, Any], times: int) -> list[int]:
    key = await sandbox(gateway)
    made = [await gateway.call("POST", path, key=key, json=body) for _ in range(times)]
    if made[-1].status_code == 429:
        assert made[-1].json()["code"] == 4001
        assert int(made[-1].headers["retry-after"]) >= 1
    return [one.status_code for one in made]


@pytest.mark.gateway_settings(**LIMITS)
async def test_batches_of_usage_cost_a_unit_for_each_record(gateway: Gateway) -> None:
    """2,048 units are the burst, and one a second of a sandbox's comes back: two batches of 1,000 pass."""
    batch = {"records": [RECORD] * 1_000}

    assert await answers(gateway, "/usage", batch, 3) == [200, 200, 429]
    # A single record, and another account's, are not held up by it.
    assert await answers(gateway, "/usage", RECORD, 5) == [200] * 5


@pytest.mark.gateway_settings(**LIMITS)
async def test_bulk_sends_cost_a_unit_for_each_item(gateway: Gateway) -> None:
    """An item that is refused costs as much."""
    body = {"items": [{**SEND, "amount_cents": 0}] * 1_000}

    assert await answers(gateway, "/topup/bulk", body, 3) == [422, 422, 429]


@pytest.mark.one_database
@pytest.mark.gateway_settings(**LIMITS)
async def test_long_bodies_cost_a_unit_for_each_kib(gateway: Gateway) -> None:
    """Metadata of 20 pairs of 500 letters of two bytes each is a body of 21 KiB: 97 of them are 2,048 units."""
    metadata = {f"k{number}": "é" * 500 for number in range(20)}

    codes = await answers(gateway, "/topup/send", {**SEND, "metadata": metadata}, 105)

    assert 200 in codes
    assert 90 <= codes.index(429) <= 104


@pytest.mark.one_database
@pytest.mark.gateway_settings(**LIMITS)
async def test_a_file_of_a_bulk_send_on_the_page_costs_as_much(
    gateway: Gateway,
) -> None:
    ann = await signed_in(gateway, "ann@mail.com")
    rows = "".join("claude,100,a@mail.com\n" for _ in range(1_000))
    text = "platform,amount_cents,recipient_email\n" + rows
    form = {"step": "check", "text": text}
    said = [(await ann.send("/dashboard/bulk", form)).text for _ in range(4)]

    assert "Too many records" in said[-1]
    assert "Too many records" not in said[0]
