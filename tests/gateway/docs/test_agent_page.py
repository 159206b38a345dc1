"""A newcomer that has the address alone: how many calls and bytes it needs, by what the documents for agents say."""

import json
import re

import httpx
import pytest

from tests.support.gateway import Gateway
from tests.support.receiver import Receiver

pytestmark = pytest.mark.one_database
PAGE_BYTES_MAX = 12_000
# Calls, and bytes of all that is answered.
FIRST_TOP_UP = (3, 3_700)
VERIFIED_WEBHOOK = (5, 9_500)


class Newcomer:
    """Counts its calls and what they answer."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.calls, self.bytes = 0, 0

    async def call(self, method: str, address: str, **given: object) -> httpx.Response:
        answer = await self._gateway.client.request(method, address, **given)  # type: ignore[arg-type]
        assert answer.status_code < 300, (address, answer.text)
        self.calls += 1
        self.bytes += len(answer.content)
        return answer

    async def key(self, text: str) -> dict[str, str]:
        """Return the header of a new key; text says where one comes from."""
        (address,) = re.findall(r"https?://\S+/keys/sandbox", text)
        made = (await self.call("POST", address)).json()["data"]
        return {"Authorization": f"Bearer {made['key']}"}


async def test_a_first_top_up_takes_three_calls(gateway: Gateway) -> None:
    newcomer = Newcomer(gateway)

    text = (await newcomer.call("GET", f"{gateway.url}/llms.txt")).text
    header = await newcomer.key(text)
    (address,) = re.findall(r"curl -X POST (\S+/topup/send)", text)
    (body,) = re.findall(r"-d '(.*)'", text)
    sent = await newcomer.call("POST", address, json=json.loads(body), headers=header)

    assert sent.json()["code"] == 1001
    assert newcomer.calls == FIRST_TOP_UP[0]
    assert newcomer.bytes <= FIRST_TOP_UP[1]


async def test_a_verified_webhook_takes_five_calls(gateway: Gateway) -> None:
    newcomer = Newcomer(gateway)
    code: dict[str, object] = {}

    overview = (await newcomer.call("GET", f"{gateway.url}/llms.txt")).text
    (place,) = re.findall(r"\[Webhooks: register, verify\]\((\S+)\)", overview)
    text = (await newcomer.call("GET", place)).text
    header = await newcomer.key(text)
    register, test = re.findall(r"curl -X POST (\S+/webhooks/\S+)", text)
    async with Receiver() as receiver:
        made = await newcomer.call("POST", register, json={"url": receiver.url}, headers=header)
        endpoint = made.json()["data"]
        tried = test.replace("we_abc123", endpoint["id"])
        await newcomer.call("POST", tried, json={"event": "topup.delivered"}, headers=header)
        (came,) = await receiver.at_least(1)

    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    # The clock of this gateway stands still.
    exec(program.replace("time.time()", "int(stamp)"), code)
    check = code["is_genuine"]
    assert callable(check)
    assert check(came.headers, came.body, endpoint["secret"]) is True
    assert check(came.headers, came.body + b" ", endpoint["secret"]) is False
    assert newcomer.calls == VERIFIED_WEBHOOK[0]
    assert newcomer.bytes <= VERIFIED_WEBHOOK[1]


async def test_the_page_for_agents_is_short_and_named(gateway: Gateway) -> None:
    page = await gateway.client.get("/docs/agent.md")
    found = (await gateway.client.get("/", headers={"Accept": "application/json"})).json()

    assert len(page.content) <= PAGE_BYTES_MAX
    assert found["for_agents"] == f"{gateway.url}/docs/agent.md"
    assert f"({gateway.url}/docs/agent.md)" in (await gateway.client.get("/llms.txt")).text
    for link in re.findall(r"\]\((/[^)]+)\)", page.text):
        assert (await gateway.client.get(link)).status_code == 200, link
