"""Buying in a test: an order's payment at the sandbox's page, and what the account then has."""

from typing import Any
from urllib.parse import urlsplit

from tests.support.gateway import Gateway


async def decide(gateway: Gateway, url: str, outcome: str = "paid") -> None:
    """Presses a button of the page that the url leads to."""
    path = urlsplit(url).path
    pressed = await gateway.client.post(path, data={"outcome": outcome})
    assert pressed.status_code in {302, 303}, pressed.text


async def balance_cents(gateway: Gateway, key: str) -> int:
    """By our own API."""
    answer = await gateway.call("GET", "/topup/balance", key=key)
    return int(answer.json()["data"]["balance_cents"])


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def get(gateway: Gateway, key: str, path: str) -> Any:
    """The decoded answer of a dialect's path, which is a success."""
    answer = await gateway.client.get(path, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return answer.json()
