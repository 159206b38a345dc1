"""What is there before a guide is read, beside an account with a key: what its first lines take for granted."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from kernel.clock import SystemClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.oauth import app as oauth_app, grant as oauth_code
from keys.oauth.app import NewApp
from store.database import Transaction
from store.open import open_database
from tests.e2e.guide_reader import Reader
from tests.support.installation import API
from tests.support.plain_http import http_client
from tests.support.receiver import Receiver
from tests.support.sign_ins import begin_sign_in

# RFC 7636, appendix B: the verifier whose challenge the guide prints.
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
_REDIRECT: Final = "https://chat.example/cb"


async def call(reader: Reader, method: str, path: str, body: object = None) -> dict[str, Any]:
    """The data of a call of our API with the reader's key."""
    headers = {"Authorization": f"Bearer {reader.env['KEY']}"}
    async with http_client(base_url=reader.installation.url + API) as client:
        answer = await client.request(method, path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return dict(answer.json()["data"])


async def wallet(reader: Reader) -> None:
    reader.env["WALLET"] = "0x" + secrets.token_hex(32)


async def wallet_of_500_cents(reader: Reader) -> None:
    sizes = [100_000] * 9 + [99_500]
    send = {"platform": "claude", "recipient_email": "a@b.example"}
    items = [{**send, "amount_cents": size, "reference": str(at)} for at, size in enumerate(sizes)]
    await call(reader, "POST", "/topup/bulk", {"items": items})


async def price_of_a_model(reader: Reader) -> None:
    words = "prices set --model gpt-4o --input 2.50 --output 10 --cached 1.25 --environment staging"
    assert reader.installation.run(*words.split()).returncode == 0


async def plan_with_exports(reader: Reader) -> None:
    words = "plans create --id pro --name Pro --price-monthly 20.00 --credits-included 20000"
    done = reader.installation.run(*words.split(), "--entitlement", "exports=100/month")
    assert done.returncode == 0, done.stderr


async def topup(reader: Reader) -> None:
    send = {"platform": "claude", "recipient_email": "a@b.example", "amount_cents": 100}
    await call(reader, "POST", "/topup/send", send)
    [sent] = (await call(reader, "GET", "/topup/history"))["items"]
    reader.ids["txn_abc123"] = sent["transaction_id"]


async def live_credit(reader: Reader) -> None:
    reader.env["KEY"] = await reader.installation.key(reader.account_id, "live")
    await reader.installation.fund(reader.account_id, "live", 100_000)


async def delivery(reader: Reader) -> None:
    """A webhook that arrived, for those who check its signature."""
    async with Receiver() as receiver:
        endpoint = await call(reader, "POST", "/webhooks/register", {"url": receiver.url})
        body = {"platform": "claude", "amount_cents": 1000, "recipient_email": "a@b.example"}
        await call(reader, "POST", "/topup/send", body)
        (came,) = await receiver.at_least(1)
        await call(reader, "DELETE", f"/webhooks/{endpoint['id']}")
    given = {
        "headers": came.headers,
        "body": came.body.decode(),
        "secret": endpoint["secret"],
        "public_key": endpoint["public_key"],
    }
    reader.env |= {
        "DELIVERY": json.dumps(given),
        "WEBHOOK_ID": came.headers["webhook-id"],
        "TIMESTAMP": came.headers["webhook-timestamp"],
        "SIGNATURE": came.headers["webhook-signature"],
        "PUBLIC_KEY": endpoint["public_key"],
    }
    reader.write("secret.txt", endpoint["secret"])
    reader.write("body.json", came.body.decode())


async def endpoint_and_delivery(reader: Reader) -> None:
    await delivery(reader)
    made = await call(reader, "POST", "/webhooks/register", {"url": "http://127.0.0.1:8001/hook"})
    reader.ids["we_abc123"] = made["id"]


async def consent(reader: Reader) -> None:
    """The reader is asked by an app of another account, and allows it; what the app has then is in the environment."""
    owner = Tenant(await reader.installation.account(), "staging")
    user, now_us = Tenant(reader.account_id, "staging"), SystemClock().now_us()
    new = NewApp(name="Chat", redirect_uris=(_REDIRECT,), scope="advanced_access")

    async def work(tx: Transaction) -> dict[str, str]:
        app, secret = await oauth_app.create(tx, owner, new, now_us=now_us)
        await lock_tenants(tx, [user])
        code = await oauth_code.issue_code(
            tx,
            app,
            user.account_id,
            redirect_uri=_REDIRECT,
            challenge=CHALLENGE,
            session_id=await begin_sign_in(tx, user.account_id, now_us=now_us),
            now_us=now_us,
        )
        return {"CLIENT_ID": app.id, "CLIENT_SECRET": secret, "CODE": code, "VERIFIER": VERIFIER}

    database = open_database(reader.installation.database_url)
    try:
        reader.env |= await database.transaction(work)
    finally:
        await database.close()


BEGINS: Final[Mapping[str, Callable[[Reader], Awaitable[None]]]] = {
    "agent": delivery,
    "errors": wallet_of_500_cents,
    "going-live": live_credit,
    "metering": price_of_a_model,
    "oauth-apps": consent,
    "plans": plan_with_exports,
    "receipts": topup,
    "suppliers": live_credit,
    "verify-webhooks": endpoint_and_delivery,
    "x402": wallet,
}
