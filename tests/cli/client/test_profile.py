"""`topup login`, `whoami`, `send` and `logout` against a gateway on a loopback port."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import Result

from tests.cli.client.conftest import Ran
from tests.support.gateway import Gateway, running, settings_of

SENT = ("send", "claude", "12.50", "ann@acme.example", "--json")


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(settings_of(database_url, tmp_path)) as opened:
        yield opened


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def error_of(result: Result) -> Any:
    return json.loads(result.stderr)["error"]


async def test_a_key_is_kept_for_its_owner_alone_used_by_name_and_forgotten(
    gateway: Gateway, ran: Ran, tmp_path: Path
) -> None:
    limits: Any = {"per_day_cents": 5000, "approval_threshold_cents": 700}
    key = await gateway.key(await gateway.account(), name="Shop", **limits)
    into = ("login", "--with-key", "--url", gateway.url + "/api/public/v1/", "--json")

    made = await ran(*into, "--profile", "shop", typed=key + "\n")
    file = tmp_path / "topup" / "profiles.json"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)]
    own = said(await ran("whoami", "--json", TOPUP_PROFILE="shop"))
    shown = await ran("whoami", "--profile", "shop")
    other = await ran("whoami")
    elsewhere = await ran("whoami", "--profile", "shop", TOPUP_URL="https://other.example")
    gone = [await ran("logout", "--profile", "shop") for _ in range(2)]

    assert said(made)["url"] == own["url"] == gateway.url
    assert said(made)["environment"] == "staging"
    assert modes == [0o600, 0o700]
    assert own["name"] == "Shop"
    assert "$50.00 of $50.00" in shown.stdout
    assert "7.00 USD" in shown.stdout
    assert all(key not in result.output for result in (made, shown))
    assert other.exit_code == 2
    assert "topup login" in other.stderr
    # The key of one gateway never goes to another.
    assert elsewhere.exit_code == 2
    assert "another gateway" in elsewhere.stderr
    assert [result.exit_code for result in gone] == [0, 1]
    assert key not in file.read_text(encoding="utf-8")


async def test_a_key_that_the_gateway_refuses_is_not_kept(
    gateway: Gateway, ran: Ran, tmp_path: Path
) -> None:
    wrong = "ak_staging_" + "x" * 32
    refused = await ran("login", "--with-key", "--url", gateway.url, "--json", typed=wrong)

    assert refused.exit_code == 1
    assert error_of(refused)["code"] == 2001
    assert wrong not in refused.output
    assert not (tmp_path / "topup").exists()


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (("--with-key", "--url", "https://a.example", "--no-browser"), "k", "by browser"),
        (("--with-key", "--url", "https://a.example"), "", "no API key"),
        (("--with-key", "--url", "https://a.example"), "two words", "no API key"),
        (("--with-key", "--url", "ftp://a.example"), "k", "not the address"),
        (("--with-key", "--url", "https://u:p@a.example"), "k", "not the address"),
        (("--with-key", "--url", "http://a.example"), "k", "unencrypted"),
    ],
)
async def test_what_cannot_be_logged_in_with_is_refused_before_a_call(
    ran: Ran, words: tuple[str, ...], typed: str, told: str
) -> None:
    result = await ran("login", *words, typed=typed)

    assert result.exit_code == 2
    assert told in result.stderr


async def test_a_send_is_done_once_by_its_idempotency_key(gateway: Gateway, ran: Ran) -> None:
    key = await gateway.key(await gateway.account())
    own = {"TOPUP_API_KEY": key, "TOPUP_URL": gateway.url}

    first = said(await ran(*SENT, "--wait", "5", **own))
    again = said(await ran(*SENT, "--idempotency-key", first["idempotency_key"], **own))
    shown = await ran(*SENT[:-1], **own)

    assert first["status"] == "delivered"
    assert first["amount_cents"] == 1250
    assert again["transaction_id"] == first["transaction_id"]
    assert shown.exit_code == 0
    assert "idempotency key: cli-" in shown.stderr
    assert "$12.50 of claude" in shown.stdout
    assert "kind: credit" in shown.stdout


async def test_refusals_say_what_is_wrong_and_what_comes_next(gateway: Gateway, ran: Ran) -> None:
    key = await gateway.key(await gateway.account(), per_call_cents=1000)
    own = {"TOPUP_API_KEY": key, "TOPUP_URL": gateway.url}

    above = await ran(*SENT[:-1], **own)
    as_json = error_of(await ran(*SENT, **own))
    unknown = await ran("send", "nonesuch", "5", "ann@acme.example", **own)

    assert above.exit_code == unknown.exit_code == 1
    assert "(code 2008)" in above.stderr
    assert "limits: topup whoami" in above.stderr
    assert as_json["code"] == 2008
    assert as_json["idempotency_key"].startswith("cli-")
    assert "next: " in unknown.stderr
    assert key not in above.output + unknown.output


async def test_another_key_decides_on_a_send_that_waits(gateway: Gateway, ran: Ran) -> None:
    account = await gateway.account()
    address = {"TOPUP_URL": gateway.url}
    asks = {**address, "TOPUP_API_KEY": await gateway.key(account, approval_threshold_cents=1000)}
    decides = {**address, "TOPUP_API_KEY": await gateway.key(account)}

    sent = [said(await ran(*SENT, **asks)) for _ in range(2)]
    rows = said(await ran("approvals", "list", "--status", "pending", "--json", **decides))["items"]
    ids = [one["id"] for one in rows]
    own = await ran("approvals", "approve", ids[0], "--yes", **asks)
    approved = await ran("approvals", "approve", ids[0], "--yes", **decides)
    denied = said(await ran("approvals", "deny", ids[1], "--yes", "--json", **decides))
    strange = await ran("approvals", "show", "../keys", **decides)
    table = await ran("approvals", "list", **decides)

    assert {one["transaction_id"] for one in rows} == {one["transaction_id"] for one in sent}
    assert own.exit_code == 1
    assert approved.exit_code == 0, approved.stderr
    assert "12.50 USD" in approved.stdout
    assert "approved" in approved.stdout
    assert denied["status"] == "cancelled"
    assert strange.exit_code == 2
    assert all(one in table.stdout for one in (*ids, "denied", "approved"))


async def test_live_is_asked_about_and_amounts_are_exact(gateway: Gateway, ran: Ran) -> None:
    key = await gateway.key(await gateway.account(), "live")
    own = {"TOPUP_API_KEY": key, "TOPUP_URL": gateway.url}

    unasked = await ran(*SENT[:-1], **own)
    wrong = [
        await ran("send", "claude", amount, "ann@acme.example", **own)
        for amount in ("12.505", "1e3", "-5", "12,50", "")
    ]

    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    assert [result.exit_code for result in wrong] == [2] * 5
    # With --yes it is the gateway that answers: the live wallet of the account is empty.
    assert (await ran(*SENT, "--yes", **own)).exit_code == 1


async def test_a_key_that_no_header_can_carry_is_not_printed(
    gateway: Gateway, ran: Ran, tmp_path: Path
) -> None:
    commands = [
        "whoami",
        "whoami --json",
        "keys list",
        "events tail",
        "listen --forward http://127.0.0.1:9",
    ]
    (tmp_path / "topup").mkdir()
    for key in ("ak_staging_first\nak_staging_second", "ak_staging_\u043a", "ak staging"):
        odd = {"url": gateway.url, "api_key": key, "environment": "staging"}
        (tmp_path / "topup" / "profiles.json").write_text(json.dumps({"odd": odd}))
        for command in commands:
            by_variable = await ran(*command.split(), TOPUP_API_KEY=key, TOPUP_URL=gateway.url)
            by_profile = await ran(*command.split(), "--profile", "odd")

            for result in (by_variable, by_profile):
                assert result.exit_code == 2, result.output
                assert "this isn't an API key" in result.stderr
                assert key[-6:] not in result.output


async def test_a_lost_answer_names_the_key_to_try_again_with(ran: Ran) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        own = {
            "TOPUP_API_KEY": "ak_staging_x",
            "TOPUP_URL": f"http://127.0.0.1:{unused.getsockname()[1]}",
        }
        result = await ran("send", "claude", "5", "self", "--idempotency-key", "mine-1", **own)

    assert result.exit_code == 3
    assert "--idempotency-key mine-1" in result.stderr


# Of another version, of another program, and of somebody who means no good.
ODD = (
    b"null",
    b'{"items": [{"id": "\\u001b]0;mine\\u0007\\u202e"}]}',
    b'{"interval": -5, "expires_in": 10, "device_code": "x", "user_code": "x"}',
    b"[" * 50_000 + b"]" * 50_000,
)


@pytest.mark.one_database
async def test_a_key_that_ended_elsewhere_is_forgotten_all_the_same(
    gateway: Gateway, ran: Ran
) -> None:
    key = await gateway.key(await gateway.account())
    await ran("login", "--with-key", "--url", gateway.url, typed=key + "\n")
    own, headers = "/api/public/v1/keys/self", {"Authorization": f"Bearer {key}"}
    given_up = await gateway.client.delete(own, headers=headers)
    # An end counts half a second later at the latest.
    while (await gateway.client.get(own, headers=headers)).is_success:  # noqa: ASYNC110 - a cache grows old
        await asyncio.sleep(0.05)

    ended = await ran("logout", "--revoke", "--json")

    assert given_up.status_code == 200
    assert said(ended) == {"forgotten": "default", "revoked": True}
    assert "ended before" in ended.stderr
    assert (await ran("whoami")).exit_code == 2


RESEND = "listen --profile default --forward http://127.0.0.1:9/ --resend evt_0000000000000001"


async def test_whatever_a_server_says_is_told_in_words(ran: Ran) -> None:
    body, status = b"", 200

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n" % (status, len(body)))
        writer.write(b"Connection: close\r\n\r\n" + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        results = []
        for data in ODD:
            body = (
                b'{"success": true, "code": 1000, "message": "", "status": "", "data": %b}' % data
            )
            for command in ("whoami", "keys list", "login", RESEND):
                own = {"TOPUP_API_KEY": "ak_staging_x", "TOPUP_URL": url}
                status = 201 if command == "login" else 200
                results.append(await ran(*command.split(), **own))

    for result in results:
        assert result.exit_code == 3, (result.output, result.exception)
        assert "error: " in result.stderr
        assert "\x1b" not in result.output
