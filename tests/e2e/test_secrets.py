"""Every kind of secret is used, every error provoked; afterwards no log, list or error shows one.

What a call shows once (a new key, a new webhook secret) is left out; everything else is read.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest_asyncio

from keys.vault import Vault, parse_master_keys
from store.open import open_database
from tests.e2e.conftest import SERVER_URL, WorkingSet
from tests.support.installation import API, MASTER_KEY, Installation
from tests.support.postgres_server import on_server
from tests.support.receiver import Received, Receiver
from tests.support.senders import client, order
from webhooks.deliveries.sealed import opened_keys

DATABASE_PASSWORD = "dbpw-Zk3vQ9xT7mLp"
HEADER_TOKEN = "hdr-5gT2bN8wQe4Yc1Rz"
URL_PASSWORD = "urlpw-9sKd7fLq2Wx"
BASIC = base64.b64encode(b"merchant:basicpw-71xQvPdw").decode()
TYPO = "ak_staging_" + "x" * 32


@dataclass
class Suspects:
    """The secrets of one installation, and every text in which none may stand."""

    secrets: dict[str, str]
    said: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, where: str, text: str) -> None:
        self.said.append((where, text))

    def found(self) -> list[tuple[str, str]]:
        """(secret's kind, where it stands), also in the forms that a log or a URL gives it."""
        hits = []
        for where, text in self.said:
            for kind, secret in self.secrets.items():
                forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
                hits += [(kind, where) for form in forms if form in text]
        return hits


@dataclass
class Stage:
    """A running installation with its suspects, and a client that reports each answer."""

    installation: Installation
    suspects: Suspects
    http: httpx.AsyncClient
    account_id: str
    hears: bool = True

    async def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        answer = await self.http.request(method, self.installation.url + path, **arguments)
        if self.hears:
            self.suspects.hear(f"{method} {path}", f"{answer.text}")
        return answer

    async def operator_token(self) -> str:
        """Made by the command line, which shows it once as well."""
        role = ("accounts", "set", self.account_id, "--operator")
        await asyncio.to_thread(self.installation.run, *role)
        words = ("tokens", "create", "--account", self.account_id, "--kind", "operator", "--json")
        done = await asyncio.to_thread(self.installation.run, *words)
        secret = str(json.loads(done.stdout)["token"])
        self.suspects.secrets["operator token"] = secret
        return secret

    async def shown_once(self, path: str, field_name: str, /, **body: Any) -> dict[str, Any]:
        """A call whose answer holds a new secret, under that name."""
        self.hears = False
        answer = await self.call("POST", API + path, json=body)
        self.hears = True
        data = dict(answer.json()["data"])
        self.suspects.secrets[f"{path} {field_name}"] = data[field_name]
        return data


@pytest_asyncio.fixture(loop_scope="session")
async def stage(working_set: WorkingSet, kind: str) -> AsyncIterator[Stage]:
    # The server trusts loopback: a password in the URL is carried along and never asked for.
    installation = working_set.make(
        kind, password=DATABASE_PASSWORD, log_level="debug", webhook_timeout_s="2"
    )
    installation.start()
    account_id = await installation.account(email="owner@example.com")
    key = await installation.key(account_id)
    suspects = Suspects({"api key": key, "master key": MASTER_KEY, "typo": TYPO})
    suspects.secrets |= {
        "database password": DATABASE_PASSWORD,
        "endpoint header": HEADER_TOKEN,
        "url password": URL_PASSWORD,
        "basic": BASIC,
    }
    async with client(key) as http:
        yield Stage(installation, suspects, http, account_id)


async def refuse(_received: Received) -> int:
    return 500


async def hang_up(_received: Received) -> None:
    return None


async def make_endpoints(stage: Stage, receiver: Receiver) -> list[dict[str, Any]]:
    """One that refuses, one that nobody listens at, one whose peer speaks no TLS."""
    headers = {"Authorization": f"Bearer {HEADER_TOKEN}", "X-Plain": HEADER_TOKEN}
    fields = {"headers": headers, "retry_schedule_s": [0, 1]}
    secure = receiver.url.replace("http://", "https://")
    return [
        await stage.shown_once("/webhooks/register", "secret", url=url, **fields)
        for url in (receiver.url, "http://127.0.0.1:10009/", secure)
    ]


async def provoke_the_edge(stage: Stage) -> None:
    """Credentials in all the wrong places."""
    key = stage.suspects.secrets["api key"]
    send = API + "/topup/send"
    for secret in (key, TYPO):
        as_bearer = {"Authorization": f"Bearer {secret}"}
        await stage.call("GET", f"{API}/topup/status/{secret}")
        await stage.call("GET", f"{API}/{secret}")
        await stage.call("GET", f"{API}/topup/history", params={"cursor": secret})
        await stage.call("GET", f"{API}/topup/history", params={secret: "1"})
        await stage.call("GET", f"{API}/codes", headers={"X-Request-Id": secret})
        await stage.call("GET", f"/nowhere/{secret}?api_key={secret}")
        await stage.call("PUT", send, headers=as_bearer)
        await stage.call("POST", send, json={"platform": secret, "amount_cents": 100})
        await stage.call("POST", send, json={secret: 1})
        await stage.call("POST", send, json={"platform": "claude", "amount_cents": secret})
        await stage.call("POST", send, json=order(100, email=f"{secret}@@example.com"))
        await stage.call("POST", send, content=f'{{"key": "{secret}"')
        await stage.call(
            "POST", send, json=order(100), headers={"Idempotency-Key": f"{secret} {secret}"}
        )
        await stage.call("POST", API + "/keys", json={"name": "n", "scopes": [secret]})
        await stage.call("POST", API + "/keys", json={"name": "n", "ip_allow_list": [secret]})
        await stage.call("POST", API + "/vouchers/redeem", json={"code": secret})
        await stage.call("POST", API + "/webhooks/register", json={"url": secret})
    wrong = [f"Bearer {TYPO}", f"Bearer {key[:-1]}", f"Basic {BASIC}", f"Token {key}", key]
    for value in wrong:
        await stage.call("GET", f"{API}/topup/balance", headers={"Authorization": value})
    for url in (
        f"https://user:{URL_PASSWORD}@hooks.example/x",
        f"ftp://user:{URL_PASSWORD}@hooks.example/x",
        f"https://[{URL_PASSWORD}/x",
    ):
        await stage.call("POST", API + "/webhooks/register", json={"url": url})
    for headers in (
        {"webhook-id": HEADER_TOKEN},
        {"X-A": f"{HEADER_TOKEN}\r\n"},
        {"": HEADER_TOKEN},
    ):
        body = {"url": "http://127.0.0.1:10009/", "headers": headers}
        await stage.call("POST", API + "/webhooks/register", json=body)


async def provoke_credentials(stage: Stage) -> None:
    """Made, rotated, revoked, and then used."""
    minted = await stage.shown_once("/keys", "key", name="child", scopes=["topup:read"])
    rotated = await stage.shown_once(f"/keys/{minted['id']}/rotate", "key", overlap_s=0)
    token = await stage.shown_once("/tokens", "token", name="token")
    operator = await stage.operator_token()
    read_only = {"Authorization": f"Bearer {rotated['key']}"}
    await stage.call("POST", API + "/topup/send", json=order(100), headers=read_only)
    await stage.call("DELETE", f"{API}/keys/{minted['id']}")
    await stage.call("DELETE", f"{API}/tokens/{token['id']}")
    for secret in (minted["key"], rotated["key"], token["token"], operator):
        as_bearer = {"Authorization": f"Bearer {secret}"}
        await stage.call("GET", f"{API}/topup/balance", headers=as_bearer)
        await stage.call("GET", f"{API}/keys", headers=as_bearer)


async def suspect_private_keys(stage: Stage, endpoint_id: str) -> None:
    """Both of an endpoint whose keys were rotated; nothing ever shows them, so they are read where they lie."""
    database = open_database(stage.installation.database_url)
    try:
        row = await database.read(
            lambda tx: tx.fetch_one(
                "SELECT signing_keys_sealed FROM endpoints WHERE id = :id", id=endpoint_id
            )
        )
    finally:
        await database.close()
    assert row is not None
    vault = Vault(parse_master_keys(MASTER_KEY))
    new, old = opened_keys(vault, endpoint_id, row["signing_keys_sealed"])
    for name, key in (("new", new), ("old", old)):
        stage.suspects.secrets[f"{name} private key"] = base64.b64encode(key.seed).decode()
        stage.suspects.secrets[f"{name} private key, hex"] = key.seed.hex()


async def provoke_deliveries(stage: Stage, receiver: Receiver) -> None:
    """Failures of each kind, in the log of deliveries and in the answer to a ping."""
    endpoints = await make_endpoints(stage, receiver)
    await stage.shown_once(f"/webhooks/{endpoints[0]['id']}/rotate-secret", "secret")
    await suspect_private_keys(stage, endpoints[0]["id"])
    receiver.answer = refuse
    await stage.call("POST", API + "/topup/send", json=order(100))
    await receiver.at_least(2)
    receiver.answer = hang_up
    for endpoint in endpoints:
        await stage.call("POST", f"{API}/webhooks/{endpoint['id']}/test", json={})
        await stage.call("GET", f"{API}/webhooks/{endpoint['id']}")
    secret = endpoints[0]["secret"]
    for headers in ({}, {"webhook-signature": secret, "webhook-id": secret}):
        body = {"headers": headers, "body": secret, "secret": f"{secret}="}
        await stage.call("POST", API + "/webhooks/verify", json=body)
    await stage.call("GET", "/.well-known/webhook-keys")
    for path in ("/keys", "/tokens", "/webhooks", "/events", "/topup/history", "/topup/balance"):
        await stage.call("GET", API + path)
    listed = await stage.call("GET", API + "/deliveries")
    for one in listed.json()["data"]["items"]:
        await stage.call("GET", f"{API}/deliveries/{one['id']}")


async def provoke_the_database(stage: Stage) -> None:
    """Sends while the database throws everybody out and lets nobody in."""
    url = stage.installation.database_url
    if url.startswith("sqlite"):
        return
    name = url.rpartition("/")[2]
    on_server(SERVER_URL, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    on_server(
        SERVER_URL,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    refused = await asyncio.gather(
        *(stage.call("POST", API + "/topup/send", json=order(100)) for _ in range(5)),
        stage.call("GET", API + "/topup/history"),
    )
    await readiness(stage, 503)
    on_server(SERVER_URL, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert {answer.status_code for answer in refused} <= {500, 503}
    await readiness(stage, 200)


async def readiness(stage: Stage, status: int) -> None:
    """Waits until /readyz says so; a batch that was kept counts for five seconds."""
    async with asyncio.timeout(60):
        while (await stage.call("GET", "/readyz")).status_code != status:  # noqa: ASYNC110 another process's state
            await asyncio.sleep(0.1)


def provoke_commands(stage: Stage) -> None:
    """Commands that succeed and that fail, with secrets in their settings; on one database."""
    if not stage.installation.database_url.startswith("sqlite"):
        return
    other_key = {"secret_key": "6b" * 32}
    bad_url = {"database_url": f"postgresql://topup:{DATABASE_PASSWORD}@127.0.0.1:1/none"}
    bad_redis = {"redis_url": f"redis://:{DATABASE_PASSWORD}@127.0.0.1:1/0"}
    bad_platforms = {"platforms": f'[{{"id": "p", "options": {{"secret": "{HEADER_TOKEN}"}}'}
    commands: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("settings",), {}),
        (("doctor",), bad_redis),
        (("serve", "--port", "0"), other_key),
        (("audit",), bad_url),
        (("worker",), bad_platforms),
    ]
    with ThreadPoolExecutor(2) as pool:
        ends = pool.map(lambda one: stage.installation.run(*one[0], **one[1]), commands)
    for (words, _), done in zip(commands, ends, strict=True):
        stage.suspects.hear(f"topup {' '.join(words)}", done.stdout + done.stderr)
        assert done.stdout + done.stderr, words


async def test_no_secret_is_in_a_log_a_list_or_an_error(stage: Stage, receiver: Receiver) -> None:
    await provoke_the_edge(stage)
    await provoke_credentials(stage)
    await provoke_deliveries(stage, receiver)
    await provoke_the_database(stage)
    await asyncio.to_thread(provoke_commands, stage)
    for program in (*stage.installation.gateways, *stage.installation.workers):
        await asyncio.to_thread(program.stop)
    logs = stage.installation.logs
    stage.suspects.hear("logs", logs)

    assert stage.suspects.found() == []
    # The search would find nothing in empty logs either.
    assert logs.count("\n") > 50
    assert len(stage.suspects.secrets) >= 17
    assert "/api/public/v1/topup/status/{transaction_id}" in logs
