"""`topup listen` as its own process: events of a running gateway, signed, on a local port."""

import asyncio
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import standardwebhooks
import stripe

from tests.e2e.conftest import WorkingSet
from tests.support.installation import API, TOPUP, Installation, Program
from tests.support.receiver import Received, Receiver
from tests.support.senders import client, order

DEADLINE_S = 30.0


class Listen(Program):
    """One `topup listen`; `printed` is what it wrote."""

    def __init__(self, installation: Installation, receiver: Receiver, *words: str) -> None:
        super().__init__(
            [*TOPUP, "listen", "--forward", receiver.url, *words],
            env=installation.env,
            log_path=installation.data_dir / "listen.txt",
            preloaded=installation.preloaded,
        )

    async def until(self, text: str, *, times: int = 1) -> str:
        """What it has printed, once the text is in it."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                printed = self.log
                if printed.count(text) >= times:
                    return printed
                assert self.is_running, printed
                await asyncio.sleep(0.02)

    @property
    def secret(self) -> str:
        (line,) = [line for line in self.log.splitlines() if "whsec_" in line]
        return line.split()[-1]


@pytest.fixture
def installation(working_set: WorkingSet) -> Iterator[Installation]:
    started = working_set.make("sqlite")
    started.start(workers=0, with_redis=False)
    yield started
    for gateway in started.gateways:
        gateway.kill()


def kept(installation: Installation, key: str) -> str:
    """The key in a file, so that it stands in no list of processes."""
    path = installation.data_dir / "key.txt"
    path.write_text(key)
    return f"@{path}"


async def send(installation: Installation, key: str, **fields: Any) -> str:
    async with client(key) as http:
        answer = await http.post(f"{installation.url}{API}/topup/send", json=order(100, **fields))
    assert answer.status_code < 300, answer.text
    return str(answer.json()["transaction_id"])


async def test_events_are_forwarded_with_signatures_that_the_libraries_accept(
    installation: Installation, receiver: Receiver
) -> None:
    key = await installation.key(await installation.account())
    listen = Listen(
        installation, receiver, "--key", kept(installation, key), "--url", installation.url
    )
    listen.start()
    try:
        await listen.until("connected")
        transaction_id = await send(installation, key)
        (hook,) = await receiver.at_least(1)
        printed = await listen.until(hook.headers["webhook-id"])
    finally:
        listen.signal(signal.SIGINT)
        code = listen.wait()

    event = stripe.Webhook.construct_event(
        hook.body, hook.headers["x-aitopup-signature"], listen.secret, api_key="unused"
    )
    assert standardwebhooks.Webhook(listen.secret).verify(hook.body, hook.headers) == hook.event
    assert event["id"] == hook.headers["webhook-id"]
    assert hook.event["data"]["transaction_id"] == transaction_id
    assert hook.headers["x-aitopup-event"] == "topup.delivered"
    assert hook.headers["user-agent"] == "AiTopUp-Webhooks/1"
    (line,) = [line for line in printed.splitlines() if hook.headers["webhook-id"] in line]
    assert line.split()[1:3] == ["200", "topup.delivered"]
    assert (code, listen.log.splitlines()[-1]) == (0, "stopped")


async def test_a_restarted_gateway_and_a_receiver_that_is_away_lose_no_line(
    installation: Installation, receiver: Receiver
) -> None:
    key = await installation.key(await installation.account())
    listen = Listen(
        installation,
        receiver,
        "--key",
        kept(installation, key),
        "--url",
        installation.url,
        "--json",
    )

    async def busy(received: Received) -> int:
        return 500 if len(receiver.received) == 1 else 200

    receiver.answer = busy
    listen.start()
    try:
        await listen.until("connected")
        await send(installation, key)
        await listen.until('"status":500')
        installation.gateways[0].kill()
        await listen.until("connecting again")
        installation.gateways[0].restart()
        await send(installation, key)  # maybe before it is connected again
        await listen.until('"status":200')
        await receiver.cut()
        await send(installation, key)
        await listen.until('"status":null')
    finally:
        listen.signal(signal.SIGINT)
        listen.wait()

    lines = [json.loads(line) for line in listen.log.splitlines() if line.startswith("{")]
    async with client(key) as http:
        items = (await http.get(f"{installation.url}{API}/events?after=0")).json()["data"]["items"]
    assert [line["event_id"] for line in lines] == [event["id"] for event in items]
    assert [line["status"] for line in lines] == [500, 200, None]
    assert lines[2]["error"].startswith("no answer")
    missed = [line["event_id"] for line in lines if line["status"] != 200]
    assert " ".join(f"--resend {one}" for one in missed) in listen.log
    resent = installation.run(
        *("listen", "--forward", receiver.url, "--url", installation.url, "--json"),
        *("--key", kept(installation, key), "--resend", missed[0], "--resend", missed[1]),
    )
    # Nobody listens there any more.
    assert resent.returncode == 1
    assert [json.loads(line)["event_id"] for line in resent.stdout.splitlines()] == missed


async def test_an_operator_may_name_the_account_and_its_key_ends_with_the_listening(
    installation: Installation, receiver: Receiver
) -> None:
    account_id = await installation.account(email="shop@example.com")
    key = await installation.key(account_id)
    listen = Listen(
        installation, receiver, "--account", "shop@example.com", "--url", installation.url,
        "--event", "topup.failed", "--after", "0",
    )  # fmt: skip
    await send(installation, key)
    async with client(key) as http:
        await http.post(
            f"{installation.url}{API}/topup/send", json=order(100, email="failed@sandbox.test")
        )
    listen.start()
    try:
        (hook,) = await receiver.at_least(1)
    finally:
        listen.signal(signal.SIGINT)
        listen.wait()

    assert hook.event["type"] == "topup.failed"
    found = await installation.fetch(
        "SELECT scopes, revoked_at FROM api_keys WHERE name = 'topup listen'"
    )
    assert [(scopes, at is not None) for scopes, at in found] == [("webhooks:read", True)]


async def test_a_refusal_that_waiting_cannot_mend_ends_the_command(
    installation: Installation, receiver: Receiver
) -> None:
    key = await installation.key(await installation.account(), scopes=["topup:send"])

    refused = installation.run(
        "listen",
        "--forward",
        receiver.url,
        "--url",
        installation.url,
        "--key",
        kept(installation, key),
    )

    assert refused.returncode == 1
    assert "refuses" in refused.stderr
    assert "webhooks:read" in refused.stderr


async def test_the_demo_account_of_topup_dev_is_listened_to_without_a_word(
    installation: Installation, receiver: Receiver
) -> None:
    key = await installation.key(await installation.account())
    demo = {
        "url": installation.url, "account_id": "", "email": "", "password": "",
        "staging_key": key, "live_key": "", "admin_token": "",
    }  # fmt: skip
    (installation.data_dir / "dev.json").write_text(json.dumps(demo))
    listen = Listen(installation, receiver, "--after", "0")
    await send(installation, key)
    listen.start()
    try:
        (hook,) = await receiver.at_least(1)
    finally:
        listen.signal(signal.SIGINT)
        listen.wait()

    standardwebhooks.Webhook(listen.secret).verify(hook.body, hook.headers)
