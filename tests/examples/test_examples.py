"""Each example is started as its reader would, and a real worker delivers to it."""

import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from keys.signatures.signing import signature_headers
from tests.support.installation import API, ROOT, Installation, Program
from tests.support.plain_http import http_client
from tests.support.ports import free_port
from tests.support.preloaded import Preloaded
from tests.support.programs import needed
from tests.support.receiver import Receiver
from tests.support.senders import client, order

EXAMPLES = ROOT / "examples"
RECEIVERS = {
    "stripe": (sys.executable, "receiver_stripe.py"),
    "standardwebhooks": (sys.executable, "receiver_standardwebhooks.py"),
    "node": ("node", "receiver_node.mjs"),
}
DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def installation(
    preloaded: Preloaded, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    data_dir = tmp_path_factory.mktemp("examples")
    shutil.copy(sqlite_template, data_dir / "topup.db")
    with Installation(data_dir) as started:
        started.preloaded = preloaded
        started.start()
        yield started


@pytest_asyncio.fixture
async def http(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    key = await installation.key(await installation.account())
    async with client(key) as opened:
        opened.base_url = httpx.URL(installation.url + API)
        yield opened


class Example(Program):
    """A receiver of examples/ as a process; `log` is what it prints."""

    def __init__(self, name: str, folder: Path, *, port: int, secret: str) -> None:
        program, script = RECEIVERS[name]
        super().__init__(
            [needed(program), str(EXAMPLES / script)],
            env={**os.environ, "PORT": str(port), "WEBHOOK_SECRET": secret},
            log_path=folder / "example.txt",
        )
        self.url = f"http://127.0.0.1:{port}/hook"

    def until(self, text: str) -> str:
        """What it has printed, once the text is in it."""
        deadline_s = time.monotonic() + DEADLINE_S
        while text not in self.log:
            assert self.is_running, self.log
            assert time.monotonic() < deadline_s, self.log
            time.sleep(0.02)
        return self.log


async def data_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code < 300, answer.text
    return dict(answer.json()["data"])


@pytest_asyncio.fixture(params=RECEIVERS)
async def example(
    request: pytest.FixtureRequest, http: httpx.AsyncClient, tmp_path: Path
) -> AsyncIterator[Example]:
    """Registered, then started with the secret that came of it."""
    needed(RECEIVERS[request.param][0])
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook"
    endpoint = await data_of(await http.post("/webhooks/register", json={"url": url}))
    started = Example(request.param, tmp_path, port=port, secret=endpoint["secret"])
    started.start()
    try:
        started.until("listening on")
        yield started
    finally:
        started.kill()


async def test_the_receiver_takes_an_event_once_and_its_replay_without_acting_again(
    example: Example, http: httpx.AsyncClient
) -> None:
    sent = await http.post("/topup/send", json=order(1000, reference="basket-7"))
    example.until(sent.json()["transaction_id"])
    (delivery,) = (await data_of(await http.get("/deliveries")))["items"]
    await http.post(f"/deliveries/{delivery['id']}/replay")
    printed = example.until(f"again: {delivery['event_id']}")

    lines = [line for line in printed.splitlines() if delivery["event_id"] in line]
    assert len(lines) == 2
    assert lines[0].startswith(f"topup.delivered {delivery['event_id']} ")
    data = json.loads(lines[0].split(" ", 2)[2])
    assert (data["amount_cents"], data["reference"]) == (1000, "basket-7")
    statuses = [await settled(http, one["id"]) for one in await deliveries(http)]
    assert statuses == ["delivered", "delivered"]


async def deliveries(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await data_of(await http.get("/deliveries")))["items"])


async def settled(http: httpx.AsyncClient, delivery_id: str) -> str:
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        status = str((await data_of(await http.get(f"/deliveries/{delivery_id}")))["status"])
        if status not in {"pending", "sending"}:
            return status
        assert time.monotonic() < deadline_s


BODY = b'{"id":"evt_1","type":"topup.delivered","data":{}}'


def signed(secret: str, *, age_s: int = 0) -> dict[str, str]:
    headers = signature_headers(
        secrets=[secret], message_id="evt_1", timestamp_s=int(time.time()) - age_s, body=BODY
    )
    return dict(headers)


async def test_the_receiver_takes_nothing_that_is_not_signed_with_its_secret(
    example: Example,
) -> None:
    secret = example.env["WEBHOOK_SECRET"]
    other = "whsec_" + "QUJD" * 8
    both = signature_headers(
        secrets=[other, secret], message_id="evt_1", timestamp_s=int(time.time()), body=BODY
    )
    malformed = {"X-AiTopUp-Signature": "v1", "webhook-signature": "nonsense"}
    async with http_client() as http:

        async def status_of(headers: dict[str, str], body: bytes = BODY) -> int:
            return (await http.post(example.url, content=body, headers=headers)).status_code

        assert await status_of(signed(secret)) == 204
        # While a secret is being rotated, two sign.
        assert await status_of(both) == 204
        assert await status_of(signed(other)) == 400
        assert await status_of(signed(secret), BODY + b" ") == 400
        assert await status_of(signed(secret, age_s=600)) == 400
        assert await status_of({**signed(secret), **malformed}) == 400
        assert await status_of({}) == 400
        assert await status_of(signed(secret)) == 204


async def test_the_curl_script_leads_from_no_account_to_a_replayed_webhook(
    installation: Installation, tmp_path: Path
) -> None:
    needed("curl")
    async with Receiver() as receiver:
        script = Program(
            [needed("bash"), str(EXAMPLES / "first_top_up.sh"), installation.url, receiver.url],
            env=os.environ,
            log_path=tmp_path / "printed.txt",
        )
        script.start()
        received = await receiver.at_least(2, timeout_s=DEADLINE_S)
        assert script.wait() == 0, script.log

    first, again = received
    assert first.event["data"]["transaction_id"] in script.log
    assert (again.headers["webhook-id"], again.body) == (first.headers["webhook-id"], first.body)
    assert script.log.count("delivered") == 2


def test_every_example_is_explained_and_tested() -> None:
    scripts = {path.name for path in EXAMPLES.iterdir() if path.suffix not in {".md", ""}}
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")

    assert scripts == {script for _, script in RECEIVERS.values()} | {"first_top_up.sh"}
    assert all(f"[{name}]({name})" in readme for name in scripts)
