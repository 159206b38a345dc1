"""The first ten minutes of a new user: one command, the printed curl line, one signed webhook."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import standardwebhooks
import stripe

from tests.support.installation import API, TOPUP, Program, clean_environment
from tests.support.plain_http import http_client
from tests.support.preloaded import Preloaded
from tests.support.receiver import Receiver
from tests.support.senders import client

READY_S_MAX = 180.0


class Dev(Program):
    """`topup dev` on a free port; `printed` is what a user sees."""

    def __init__(self, data_dir: Path, preloaded: Preloaded) -> None:
        super().__init__(
            [*TOPUP, "dev"],
            env=clean_environment(TOPUP_DATA_DIR=str(data_dir), TOPUP_PORT="0"),
            log_path=data_dir.parent / "printed.txt",
            preloaded=preloaded,
        )
        self.data_dir = data_dir

    def start(self) -> None:
        super().start()
        deadline_s = time.monotonic() + READY_S_MAX
        while "Ctrl-C stops" not in self.log:
            assert self.is_running, self.log
            assert time.monotonic() < deadline_s, self.log
            time.sleep(0.05)

    @property
    def facts(self) -> dict[str, str]:
        return dict(json.loads((self.data_dir / "dev.json").read_text()))

    @property
    def curl_line(self) -> str:
        printed = self.log
        return printed[printed.index("curl -X POST") : printed.rindex("}'") + 2]


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> Iterator[Dev]:
    started = Dev(tmp_path_factory.mktemp("dev") / "data", preloaded)
    started.start()
    yield started
    assert started.stop() == 0, started.log


async def run_in_shell(line: str) -> dict[str, Any]:
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", line.replace("curl ", "curl -sS ", 1), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await shell.communicate()
    assert shell.returncode == 0
    return dict(json.loads(printed))


async def test_the_printed_curl_line_answers_with_the_fields_of_the_seed(dev: Dev) -> None:
    answer = await run_in_shell(dev.curl_line)

    assert answer["success"] is True
    assert answer["code"] == 1001
    assert re.fullmatch(r"txn_\w+", answer["transaction_id"])
    assert answer["status"] == "delivered"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["timestamp"])
    assert re.fullmatch(r"ATU(-[0-9A-Z]{4}){5}", answer["data"]["voucher_code"])
    assert answer["data"]["platform"] == "claude"
    assert answer["data"]["amount_cents"] == 1000
    assert answer["data"]["new_balance_cents"] >= 1000


async def test_a_wallet_of_4400_and_a_send_of_1000_make_5400(dev: Dev) -> None:
    line = dev.curl_line.replace("user@example.com", "seed@example.com")

    await run_in_shell(line.replace('"amount_cents": 1000', '"amount_cents": 4400'))
    answer = await run_in_shell(line)

    assert answer["data"]["new_balance_cents"] == 5400


async def test_a_webhook_arrives_that_the_published_libraries_accept(
    dev: Dev, receiver: Receiver
) -> None:
    async with client(dev.facts["staging_key"]) as http:
        url = dev.facts["url"] + API
        registered = await http.post(f"{url}/webhooks/register", json={"url": receiver.url})
        endpoint = registered.json()["data"]
        answer = await run_in_shell(dev.curl_line)
        (hook,) = await receiver.at_least(1)
        await http.delete(f"{url}/webhooks/{endpoint['id']}")

    secret, headers = endpoint["secret"], hook.headers
    by_stripe = stripe.Webhook.construct_event(
        hook.body, headers["x-aitopup-signature"], secret, api_key="unused"
    )
    by_standard = standardwebhooks.Webhook(secret).verify(hook.body, headers)
    assert by_stripe["id"] == by_standard["id"] == headers["webhook-id"]
    event = json.loads(hook.body)
    assert by_standard == event
    assert (event["type"], event["environment"], event["api_version"]) == (
        "topup.delivered",
        "staging",
        "v1",
    )
    assert set(event) == {
        "id",
        "type",
        "created_at",
        "environment",
        "api_version",
        "sequence",
        "data",
    }
    assert set(event["data"]) >= {
        "transaction_id",
        "status",
        "platform",
        "amount_cents",
        "recipient_email",
        "voucher_code",
        "new_balance_cents",
        "reference",
        "metadata",
    }
    assert event["data"]["transaction_id"] == answer["transaction_id"]
    assert event["data"]["voucher_code"] is None
    assert event["data"]["voucher_code_hint"] == answer["data"]["voucher_code"][-4:]
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "AiTopUp-Webhooks/1"
    assert headers["x-aitopup-event"] == "topup.delivered"
    assert headers["x-aitopup-delivery"].startswith("dlv_")
    assert headers["x-aitopup-attempt"] == "1"
    assert headers["webhook-id"].startswith("evt_")
    assert headers["x-aitopup-signature"].startswith(f"t={headers['webhook-timestamp']},v1=")
    assert headers["webhook-signature"].startswith("v1,")


async def test_a_forged_body_is_refused_by_both_libraries(dev: Dev, receiver: Receiver) -> None:
    async with client(dev.facts["staging_key"]) as http:
        url = dev.facts["url"] + API
        registered = await http.post(f"{url}/webhooks/register", json={"url": receiver.url})
        endpoint = registered.json()["data"]
        await run_in_shell(dev.curl_line)
        (hook,) = await receiver.at_least(1)
        await http.delete(f"{url}/webhooks/{endpoint['id']}")
    forged = hook.body.replace(b'"amount_cents":1000', b'"amount_cents":9000')
    assert forged != hook.body

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(
            forged, hook.headers["x-aitopup-signature"], endpoint["secret"], api_key="unused"
        )
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(endpoint["secret"]).verify(forged, hook.headers)


async def test_the_log_shows_the_delivery_and_a_replay_repeats_its_bytes(
    dev: Dev, receiver: Receiver
) -> None:
    async with client(dev.facts["staging_key"]) as http:
        url = dev.facts["url"] + API
        registered = await http.post(f"{url}/webhooks/register", json={"url": receiver.url})
        endpoint = registered.json()["data"]
        answer = await run_in_shell(dev.curl_line)
        (first,) = await receiver.at_least(1)
        delivery_id = first.headers["x-aitopup-delivery"]
        shown = await settled(http, f"{url}/deliveries/{delivery_id}")
        listed = await http.get(
            f"{url}/deliveries", params={"transaction_id": answer["transaction_id"]}
        )
        # Signatures are fresh by the second.
        await asyncio.sleep(1.1)
        replayed = await http.post(f"{url}/deliveries/{delivery_id}/replay")
        (_, again) = await receiver.at_least(2)
        await http.delete(f"{url}/webhooks/{endpoint['id']}")

    assert [one["id"] for one in listed.json()["data"]["items"]] == [delivery_id]
    assert (shown["status"], shown["attempts_made"]) == ("delivered", 1)
    (attempt,) = shown["attempts"]
    assert (attempt["number"], attempt["http_status"], attempt["error"]) == (1, 200, None)
    assert "v1=" not in json.dumps(attempt["request_headers"])
    assert replayed.status_code == 202
    assert replayed.json()["data"]["replay_of"] == delivery_id
    assert again.body == first.body
    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    assert again.headers["x-aitopup-delivery"] == replayed.json()["data"]["id"] != delivery_id
    assert int(again.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    standardwebhooks.Webhook(endpoint["secret"]).verify(again.body, again.headers)


async def settled(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """The delivery, once its outcome is written."""
    while True:
        shown = dict((await http.get(url)).json()["data"])
        if shown["status"] not in {"pending", "sending"}:
            return shown
        await asyncio.sleep(0.05)


async def test_without_any_credential_two_calls_lead_to_the_first_top_up(dev: Dev) -> None:
    url = dev.facts["url"] + API
    async with http_client(timeout=30) as http:
        made = await http.post(f"{url}/keys/sandbox")
        key = made.json()["data"]["key"]
        sent = await http.post(
            f"{url}/topup/send",
            json={"platform": "claude", "amount_cents": 1000, "recipient_email": "a@b.example"},
            headers={"Authorization": f"Bearer {key}"},
        )

    assert made.status_code == 201
    assert re.fullmatch(r"ak_staging_[0-9A-Za-z]{32}", key)
    assert (sent.status_code, sent.json()["code"]) == (200, 1001)
    assert sent.json()["data"]["wallet_balance_cents"] == 999_000
