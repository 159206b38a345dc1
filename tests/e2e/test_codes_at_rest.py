"""Nothing in the database, a backup or a log can be redeemed without the master key.

Codes go through every door that hands them out or takes them; then every table, every backup and
everything that was logged is searched for what was handed out.
"""

import asyncio
import json
import logging
import re
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from runtime.setting_forms.groups import PlatformSetting
from runtime.settings import Settings
from store.backup import back_up
from store.schema import metadata
from tests.support.gateway import Gateway, running, settings_of
from tests.support.gateway_worker import delivering, fulfil
from tests.support.receiver import Receiver
from tests.support.redemption_codes import codes_of

SEND = {"platform": "claude", "amount_cents": 500, "recipient_email": "user@example.com"}
VENDOR_CODE = "9f2c4b7a1e8d4c5fa0b36d7e81c2f954"
OLD_KEY, NEW_KEY = "5a" * 32, "6b" * 32


async def vendor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A New API instance that sells one code."""
    await reader.readuntil(b"\r\n\r\n")
    said = json.dumps({"success": True, "message": "", "data": [VENDOR_CODE]}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}"
    writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + said)
    await writer.drain()
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A receiver that answers with what it was sent, which the log of attempts keeps."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
    body = await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body)
    await writer.drain()
    writer.close()


def url_of(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(loop_scope="session")
async def sold(tmp_path: Path, database_url: str) -> AsyncIterator[Settings]:
    """Settings of a gateway beside a New API instance that delivers `gpt`."""
    async with await asyncio.start_server(vendor, "127.0.0.1", 0) as server:
        instance = {"base_url": url_of(server), "access_token": "t", "user_id": 1}
        gpt = PlatformSetting(
            id="gpt", fulfilment="new_api", options={**instance, "staging": instance}
        )
        claude = PlatformSetting(id="claude")
        yield settings_of(database_url, tmp_path, platforms=[claude, gpt])


class Doors:
    """Calls with a key of everything, each kept; `codes` is what was handed out."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.gateway = gateway
        self.key = key
        self.codes: list[str] = []

    async def call(self, method: str, path: str, body: Any = None, once: str = "") -> Any:
        headers = {"Idempotency-Key": once} if once else {}
        answer = await self.gateway.call(method, path, key=self.key, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer

    async def send(self, once: str = "", **fields: Any) -> dict[str, Any]:
        answer = await self.call("POST", "/topup/send", {**SEND, **fields}, once)
        sent = dict(answer.json())
        if sent["data"]["voucher_code"] is not None:
            self.codes.append(sent["data"]["voucher_code"])
        return sent


async def go_through_all(doors: Doors) -> None:
    """Every way in which a code is handed out, shown, taken or told."""
    sent = await doors.send("send-1")
    await doors.call("POST", "/topup/validate", SEND)
    pending = await doors.send(recipient_email="pending@sandbox.test")
    await doors.call("POST", "/topup/cancel", {"transaction_id": pending["transaction_id"]})
    settled = await doors.send(recipient_email="pending@sandbox.test")
    path = f"/sandbox/topups/{settled['transaction_id']}"
    told = await doors.call("POST", path, {"outcome": "delivered"}, "settle-1")
    doors.codes.append(told.json()["data"]["voucher_code"])
    taken, outside = await doors.send(), await doors.send()
    for one, where, once in ((taken, "wallet", "redeem-1"), (outside, "external", "")):
        body = {"code": one["data"]["voucher_code"], "settle": where}
        await doors.call("POST", "/vouchers/redeem", body, once)
    typed = await doors.send()
    await doors.call("POST", "/codes/redeem", {"code": typed["data"]["voucher_code"]}, "typed-1")
    for code in await codes_of(doors.gateway, 100, count=2):
        doors.codes.append(code)
    await doors.call("POST", "/codes/redeem", {"code": doors.codes[-1]}, "typed-2")
    await doors.call("GET", f"/vouchers/{sent['data']['voucher_code']}")
    await doors.call("GET", "/events")
    await doors.call("GET", "/topup/history")


async def test_nothing_that_was_handed_out_lies_in_the_database_a_backup_or_a_log(
    sold: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(sold) as gateway, Receiver() as told, Receiver() as plain:
        doors = Doors(gateway, await gateway.key(await gateway.account()))
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            for url, has_codes in ((told.url, True), (plain.url, False), (url_of(server), True)):
                body = {"url": url, "include_codes": has_codes}
                await doors.call("POST", "/webhooks/register", body)
            async with delivering(gateway):
                await go_through_all(doors)
                bought = await doors.send(platform="gpt")
                assert await fulfil(gateway) == 1
                status = f"/topup/status/{bought['transaction_id']}"
                delivered = (await doors.call("GET", status)).json()["data"]
                doors.codes.append(delivered["voucher_code"])
                # 6 delivered, 3 pending, 1 cancelled.
                await told.at_least(10)
                await plain.at_least(10)
        url = gateway.context.settings.database_address
        dumped = await dump(url)

    bodies = b"".join(received.body for received in told.received)
    assert delivered["voucher_code"] == VENDOR_CODE
    assert VENDOR_CODE.encode() in bodies
    assert len(doors.codes) == 8
    assert [code for code in doors.codes if code in dumped] == []
    logged = logged_by_us(caplog)
    assert "delivery.attempted" in logged
    assert [code for code in doors.codes if code in logged] == []
    # It is no empty search: the hints and the ids of what was handed out are there.
    assert doors.codes[0][-4:] in dumped
    assert bought["transaction_id"] in dumped
    saved = await asyncio.to_thread(backup, url, tmp_path / "copy")
    assert bought["transaction_id"].encode() in saved
    assert [code for code in doors.codes if code.encode() in saved] == []
    assert [code for code in doors.codes if code.encode().hex().encode() in saved] == []


async def test_bytes_and_answers_with_codes_are_the_same_for_ever(
    sold: Settings, tmp_path: Path
) -> None:
    url, path = sold.database_url, tmp_path
    async with Receiver() as told:
        async with running(sold) as gateway:
            doors = Doors(gateway, await gateway.key(await gateway.account()))
            await doors.call("POST", "/webhooks/register", {"url": told.url, "include_codes": True})
            first = await doors.call("POST", "/topup/send", SEND, "send-1")
            bought = await doors.send(platform="gpt")
            async with delivering(gateway):
                await fulfil(gateway)
                await told.at_least(3)
        rotated = settings_of(
            url.get_secret_value(),
            path,
            platforms=sold.platforms,
            secret_key=SecretStr(f"{NEW_KEY},{OLD_KEY}"),
        )
        async with running(rotated) as gateway:
            doors.gateway = gateway
            again = await doors.call("POST", "/topup/send", SEND, "send-1")
            for one in (await doors.call("GET", "/deliveries")).json()["data"]["items"]:
                await doors.call("POST", f"/deliveries/{one['id']}/replay")
            async with delivering(gateway):
                await told.at_least(6)
            code = first.json()["data"]["voucher_code"]
            redeemed = await doors.call("POST", "/vouchers/redeem", {"code": code}, "redeem-1")
            twice = await doors.call("POST", "/vouchers/redeem", {"code": code}, "redeem-1")
            status = f"/topup/status/{bought['transaction_id']}"
            seen = (await doors.call("GET", status)).json()["data"]

    before, after = told.received[:3], told.received[3:]
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert sorted(one.body for one in after) == sorted(one.body for one in before)
    assert redeemed.json()["data"]["balance_cents"] == 999_500  # 10,000.00 - 5.00 - 5.00 + 5.00
    assert twice.content == redeemed.content
    assert seen["voucher_code"] == VENDOR_CODE


def backup(url: str, copy: Path) -> bytes:
    """What a backup holds; of a server's as SQL, in which bytes are written in hex."""
    back_up(url, copy, on_progress=lambda *_: None)
    if url.startswith("sqlite"):
        return copy.read_bytes()
    told = subprocess.run(["pg_restore", "--file=-", copy], check=True, capture_output=True)
    return told.stdout


def logged_by_us(caplog: pytest.LogCaptureFixture) -> str:
    """Messages and fields before they are masked; not those of the test's own HTTP client."""
    return "\n".join(
        f"{record.getMessage()} {vars(record)}"
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore"))
    )


async def dump(url: str) -> str:
    """Every row of every table as text, bytes as what they spell."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            tables = [
                row
                for name in metadata.tables
                for row in connection.execute(f"SELECT * FROM {name}")
            ]
    else:
        server = await asyncpg.connect(url)
        tables = [
            tuple(row)
            for name in metadata.tables
            for row in await server.fetch(f"SELECT * FROM {name}")
        ]
        await server.close()
    return "\n".join(
        value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for row in tables
        for value in row
    )
