"""Walks through our own API: each asks some of its routes, as callers get them right and wrong.

A walk begins with an account, whose wallet holds $10,000.00 of test credit, and its key.
"""

from typing import Any

from keys.signatures.signing import signature_headers
from runtime.setting_forms.groups import PlatformSetting
from tests.gateway.answers.recorder import Recorder
from tests.support.prices import GPT, price
from tests.support.redemption_codes import codes_of

PLATFORM_SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PLATFORM = PlatformSetting(
    id="slow",
    name="Slow",
    fulfilment="http",
    options={"url": "https://service.example/topup", "secret": PLATFORM_SECRET},
)
SEND = {"platform": "claude", "amount_cents": 600, "recipient_email": "user@example.com"}
UNKNOWN = "0" * 16
JSON_BODY = {"Content-Type": "application/json"}


async def account(to: Recorder, **fields: Any) -> tuple[str, str]:
    account_id = await to.gateway.account(email="me@example.com")
    return account_id, await to.gateway.key(account_id, **fields)


def to_recipient(name: str, **more: Any) -> dict[str, Any]:
    return {**SEND, "recipient_email": f"{name}@sandbox.test", **more}


async def wallets(to: Recorder) -> None:
    account_id, key = await account(to)
    capped = await to.gateway.key(
        account_id, per_call_cents=1000, per_day_cents=2000, per_month_cents=None
    )
    token = await to.gateway.system_token(account_id)
    await to.own("to spend some", "POST", "/topup/send", capped, json=SEND)
    second = {**SEND, "platform": "chatgpt", "recipient_email": "=cmd@example.com"}
    await to.own("and more", "POST", "/topup/send", key, json=second)
    await to.own(
        "above the cap", "POST", "/topup/send", capped, json={**SEND, "amount_cents": 1900}
    )

    await to.own("by a key", "GET", "/topup/balance", key)
    await to.own("by a key with caps", "GET", "/topup/balance", capped)
    await to.own("by a token", "GET", "/topup/balance", token)
    path = "/topup/balance/threshold"
    await to.own("set", "PUT", path, key, json={"low_balance_threshold_cents": 5000})
    await to.own("below none", "PUT", path, key, json={"low_balance_threshold_cents": -1})
    await to.own("left out", "PUT", path, key, json={})

    # For a person who signed in; a key is refused whatever it says.
    path = "/topup/balance/recharge"
    await to.own("by a key", "GET", path, key)
    await to.own("by a key", "PUT", path, key, json={})
    await to.own("by a key", "DELETE", path, key)
    await to.own("by a key", "GET", f"{path}/methods?provider=stripe", key)
    await to.own("by a key", "POST", f"{path}/methods", key, json={})
    await to.own("by a key", "DELETE", f"{path}/methods/pm_1?provider=stripe", key)

    page = await to.own("recipients", "GET", "/wallets?limit=1", key)
    await to.own("the next", "GET", f"/wallets?limit=1&cursor={page['next_cursor']}", key)
    await to.own("filtered", "GET", "/wallets?platform=claude", key)
    await to.own("one", "GET", "/wallets?platform=claude&recipient_email=user@example.com", key)
    await to.own("no address", "GET", "/wallets?recipient_email=x", key)
    await to.own("a wrong cursor", "GET", "/wallets?cursor=lac_1", key)
    await to.own("all", "GET", "/platforms", key)
    page = await to.own("the first", "GET", "/platforms?limit=1", key)
    await to.own("the next", "GET", f"/platforms?limit=1&cursor={page['next_cursor']}", key)
    await to.own("a wrong cursor", "GET", "/platforms?cursor=nonsense", key)

    path = "/topup/statement"
    await to.own("from the beginning", "GET", path, key)
    await to.own("as a table", "GET", f"{path}?format=csv", key)
    await to.own(
        "a period", "GET", f"{path}?from=2026-06-13T12:00:01Z&to=2026-06-13T12:00:02Z", key
    )
    await to.own(
        "backwards", "GET", f"{path}?from=2026-06-13T12:00:01Z&to=2026-06-13T12:00:01Z", key
    )
    await to.own("no time", "GET", f"{path}?from=today", key)


async def vouchers(to: Recorder) -> None:
    _, key = await account(to)
    stranger = await to.gateway.key(await to.gateway.account())
    made = await to.own("a voucher", "POST", "/topup/send", key, json=SEND)
    second = await to.own("another", "POST", "/topup/send", key, json=SEND)
    code, spent = made["voucher_code"], second["voucher_code"]
    unknown = "ATU-0000-0000-0000-0000-0000"

    await to.own("issued", "GET", f"/vouchers/{code}", key)
    await to.own("another's", "GET", f"/vouchers/{code}", stranger)
    await to.own("unknown", "GET", f"/vouchers/{unknown}", key)
    await to.own("no code", "GET", "/vouchers/x", key)
    path = "/vouchers/redeem"
    await to.own("into the wallet", "POST", path, key, json={"code": code})
    await to.own("again", "POST", path, key, json={"code": code})
    away = {"code": spent, "settle": "external"}
    await to.own("by a stranger, elsewhere", "POST", path, stranger, json=away)
    await to.own("by a stranger", "POST", path, stranger, json={"code": spent})
    await to.own("unknown", "POST", path, key, json={"code": unknown})
    await to.own("no settlement", "POST", path, key, json={"code": code, "settle": "x"})
    await to.own("redeemed", "GET", f"/vouchers/{code}", key)

    path = "/codes/redeem"
    plain, promotional = [
        *await codes_of(to.gateway, 1500),
        *await codes_of(to.gateway, 2000, is_promotional=True),
    ]
    third = await to.own("a third", "POST", "/topup/send", key, json=SEND)
    once = {"Idempotency-Key": "code-1"}
    await to.own("a code", "POST", path, key, json={"code": plain}, headers=once)
    await to.own("the same again", "POST", path, key, json={"code": plain}, headers=once)
    await to.own("promotional", "POST", path, key, json={"code": promotional})
    await to.own("used", "POST", path, stranger, json={"code": plain})
    await to.own("a voucher", "POST", path, key, json={"code": third["voucher_code"]})
    await to.own("unknown", "POST", path, key, json={"code": "TOPUP-0000-0000-0000"})
    await to.own("none", "POST", path, key, json={"code": 1})
    page = await to.own("what brought credit", "GET", "/credits?limit=2", key)
    await to.own("the next", "GET", f"/credits?limit=2&cursor={page['next_cursor']}", key)
    await to.own("a wrong cursor", "GET", "/credits?cursor=x", key)


async def approvals(to: Recorder) -> None:
    account_id, key = await account(to, approval_threshold_cents=500)
    decider = await to.gateway.key(account_id)
    stranger = await to.gateway.key(await to.gateway.account())
    asked = [
        (await to.own(f"asks {n}", "POST", "/topup/send", key, json={**SEND, "reference": str(n)}))
        for n in range(3)
    ]
    slow = await to.own("asks of a slow one", "POST", "/topup/send", key, json=slow_send())
    first, second, third, fourth = [f"/approvals/{one['approval']['id']}" for one in (*asked, slow)]

    await to.own("one", "GET", first, decider)
    await to.own("another's", "GET", first, stranger)
    await to.own("by one's own lineage", "POST", f"{first}/approve", key, json={})
    once = {"Idempotency-Key": "approve-1"}
    await to.own("approved", "POST", f"{first}/approve", decider, json={}, headers=once)
    await to.own("the same again", "POST", f"{first}/approve", decider, json={}, headers=once)
    await to.own("decided before", "POST", f"{first}/approve", decider, json={})
    await to.own("another's", "POST", f"{first}/approve", stranger, json={})
    await to.own("goes on slowly", "POST", f"{fourth}/approve", decider, json={})
    await to.own("denied", "POST", f"{second}/deny", decider, json={})
    await to.own("decided before", "POST", f"{second}/deny", decider, json={})
    await to.own("unknown", "POST", f"/approvals/apr_{UNKNOWN}/deny", decider, json={})
    to.clock.advance_s(86_400)
    await to.own("too late", "POST", f"{third}/approve", decider, json={})
    page = await to.own("all", "GET", "/approvals?limit=2", decider)
    await to.own("the next", "GET", f"/approvals?limit=2&cursor={page['next_cursor']}", decider)
    await to.own("denied ones", "GET", "/approvals?status=denied", decider)
    await to.own("no status", "GET", "/approvals?status=x", decider)
    await to.own("what was told", "GET", "/events?limit=200", decider)


def slow_send() -> dict[str, Any]:
    return {**SEND, "platform": "slow"}


async def sandbox(to: Recorder) -> None:
    account_id, key = await account(to)
    live = await to.gateway.key(account_id, "live")
    path = "/sandbox/topups"
    for outcome in ("delivered", "failed"):
        body = to_recipient("pending", reference=outcome)
        await to.own(f"will be {outcome}", "POST", "/topup/send", key, json=body)
    await to.own("waits for a person", "POST", "/topup/send", key, json=to_recipient("approval"))
    listed = (await to.own("all", "GET", "/topup/history", key))["items"]
    held, second, first = [one["transaction_id"] for one in listed]

    await to.own("delivered", "POST", f"{path}/{first}", key, json={"outcome": "delivered"})
    await to.own("twice", "POST", f"{path}/{first}", key, json={"outcome": "delivered"})
    await to.own("failed", "POST", f"{path}/{second}", key, json={"outcome": "failed"})
    await to.own("ended", "POST", f"{path}/{second}", key, json={"outcome": "delivered"})
    await to.own("held", "POST", f"{path}/{held}", key, json={"outcome": "delivered"})
    await to.own("unknown", "POST", f"{path}/txn_{UNKNOWN}", key, json={"outcome": "failed"})
    await to.own("no outcome", "POST", f"{path}/{held}", key, json={"outcome": "x"})
    await to.own("in live", "POST", f"{path}/{held}", live, json={"outcome": "failed"})

    once = {"Idempotency-Key": "fund-1"}
    body = {"amount_cents": 12_345}
    await to.own("added", "POST", "/sandbox/fund", key, json=body, headers=once)
    await to.own("the same again", "POST", "/sandbox/fund", key, json=body, headers=once)
    await to.own("nothing", "POST", "/sandbox/fund", key, json={"amount_cents": 0})
    await to.own("in live", "POST", "/sandbox/fund", live, json=body)
    await to.own("on by a day", "POST", "/sandbox/clock", key, json={"advance_s": 86_400})
    await to.own("what time it is", "GET", "/sandbox/clock", key)
    await to.own("backwards", "POST", "/sandbox/clock", key, json={"advance_s": -1})
    await to.own("in live", "POST", "/sandbox/clock", live, json={"advance_s": 1})

    path = "/keys/sandbox"
    made = await to.own("an account", "POST", path, json={})
    limited = {"amount_cents": 1_000_001}
    await to.own("above a day's", "POST", "/sandbox/fund", made["key"], json=limited)
    await to.own("of live", "POST", path, json={"environment": "live"})
    await to.own("mistyped", "POST", path, json={"environment": 1, "x": 2})


async def entitlements(to: Recorder) -> None:
    """Of an account without a plan: nothing is allowed, and no plan names anything."""
    _, key = await account(to)
    sends = await to.gateway.key(await to.gateway.account(), scopes=["topup:send"])
    await to.own("none", "GET", "/entitlements", key)
    await to.own("no such", "GET", "/entitlements/exports", key)
    await to.own("without the scope", "GET", "/entitlements/exports", sends)
    body = {"reference": "export-1"}
    await to.own("a use of no such", "POST", "/entitlements/exports/use", key, json=body)
    await to.own("no use", "POST", "/entitlements/exports/use", key, json={**body, "count": 0})
    await to.own("nameless", "POST", "/entitlements/exports/use", key, json={})


async def usage(to: Recorder) -> None:
    account_id, key = await account(to)
    stranger = await to.gateway.key(await to.gateway.account())
    reads = await to.gateway.key(account_id, scopes=["topup:read"])
    call = {"credits": 20, "description": "AI chat completion (gpt-4)"}
    full = {"amount_micros": 12_345, "description": "x", "model": "gpt-4", "reference": "call-1"}
    once = {"Idempotency-Key": "use-1"}

    await to.own("in credits", "POST", "/usage", key, json=call, headers=once)
    await to.own("the same again", "POST", "/usage", key, json=call, headers=once)
    await to.own("in micros", "POST", "/usage", key, json=full)
    await to.own("a reference twice", "POST", "/usage", key, json=full)
    await to.own("both", "POST", "/usage", key, json={**call, "amount_micros": 1})
    await to.own("neither", "POST", "/usage", key, json={"description": "x"})
    await to.own("nothing", "POST", "/usage", key, json={**call, "credits": 0})
    await to.own("too much", "POST", "/usage", key, json={**call, "credits": 10**9})
    await to.own("nameless", "POST", "/usage", key, json={"credits": 1, "description": ""})
    await to.own("without the scope", "POST", "/usage", reads, json=call)

    held = [
        await to.own(f"held {n}", "POST", "/holds", key, json={**call, "ttl_s": 60 * n})
        for n in (1, 2, 3)
    ]
    await to.own("too much", "POST", "/holds", key, json={**call, "credits": 10**9})
    await to.own("too long", "POST", "/holds", key, json={**call, "ttl_s": 10**9})
    first, second, third = [f"/holds/{one['id']}" for one in held]
    await to.own("more than was held", "POST", f"{first}/capture", key, json={"credits": 21})
    more = {"amount_micros": 20_001}
    await to.own("more in micros", "POST", f"{first}/capture", key, json=more)
    await to.own("a part", "POST", f"{first}/capture", key, json={"credits": 5})
    await to.own("captured before", "POST", f"{first}/capture", key, json={})
    await to.own("all", "POST", f"{second}/capture", key, json={})
    await to.own("released", "POST", f"{third}/release", key, json={})
    await to.own("released before", "POST", f"{third}/release", key, json={})
    await to.own("captured", "POST", f"{first}/release", key, json={})
    await to.own("captured", "GET", first, key)
    await to.own("another's", "GET", first, stranger)
    await to.own("another's", "POST", f"{first}/release", stranger, json={})
    last = await to.own("a last one", "POST", "/holds", key, json=call)
    await to.own("held", "GET", f"/holds/{last['id']}", key)
    await to.own("all", "GET", "/holds", key)
    await to.own("open", "GET", "/holds?open=true", key)
    await to.own("another's", "GET", "/holds", stranger)
    await to.own("a wrong word", "GET", "/holds?open=maybe", key)
    to.clock.advance_s(3600)
    await to.own("past its end", "POST", f"/holds/{last['id']}/capture", key, json={})
    await _metering(to, key)


async def _metering(to: Recorder, key: str) -> None:
    await price(to.gateway.context.database, GPT)
    tokens = {"model": "gpt-4o", "input_tokens": 1200, "cached_tokens": 800, "output_tokens": 300}
    call = {"credits": 4, "description": "chat", "model": "gpt-4o", "overage": "owe"}
    records = [{**tokens, "reference": "a"}, {**tokens, "reference": "a"}, {"model": "gpt-4o"}]
    event = {"specversion": "1.0", "id": "1", "source": "/chat", "type": "usage", "data": tokens}
    as_event = {"Content-Type": "application/cloudevents+json"}
    other = {"credits": 4, "description": "chat"}

    await to.own("the list", "GET", "/prices", key)
    await to.own("a model without one", "GET", "/prices?model=gpt-4", key)
    await to.own("tokens", "POST", "/usage", key, json={**tokens, "reference": "call-2"})
    await to.own("tokens again", "POST", "/usage", key, json={**tokens, "reference": "call-2"})
    await to.own("other words", "POST", "/usage", key, json={**other, "reference": "call-2"})
    await to.own("a batch", "POST", "/usage", key, json={"records": records})
    await to.own("a CloudEvent", "POST", "/usage", key, json=event, headers=as_event)
    held = await to.own("with an overage", "POST", "/holds", key, json=call)
    await to.own("extended", "POST", f"/holds/{held['id']}/extend", key, json={"ttl_s": 3600})
    await to.own("by tokens, above it", "POST", f"/holds/{held['id']}/capture", key, json=tokens)
    await to.own("a page", "GET", "/usage?limit=2", key)
    await to.own("by model", "GET", "/usage?group_by=model", key)
    await to.own("a filter that is none", "GET", "/usage?modle=x", key)


async def fulfilments(to: Recorder) -> None:
    _, key = await account(to)
    for n in (1, 2):
        body = {**slow_send(), "reference": str(n)}
        await to.own(f"pending {n}", "POST", "/topup/send", key, json=body)
    listed = (await to.own("both", "GET", "/topup/history", key))["items"]
    second, first = [one["transaction_id"] for one in listed]

    async def word(note: str, topup_id: str, body: str, of: str = "", secret: str = "") -> None:
        # The clock goes on by a second before it is sent, which the signature's age may be.
        headers = signature_headers(
            secrets=[secret or PLATFORM_SECRET],
            message_id=of or topup_id,
            timestamp_s=to.clock.now_us() // 1_000_000,
            body=body.encode(),
        )
        path = f"/fulfilment/{topup_id}"
        await to.own(note, "POST", path, content=body.encode(), headers={**JSON_BODY, **headers})

    delivered = f'{{"transaction_id":"{first}","status":"delivered"}}'
    failed = f'{{"transaction_id":"{second}","status":"failed","reason":"sold out"}}'
    await word("delivered", first, delivered)
    await word("again", first, delivered)
    await word("of another top-up", second, delivered)
    await word("under another secret", second, failed, secret="whsec_" + "QUJD" * 8)
    await word("failed", second, failed)
    await word("unknown", f"txn_{UNKNOWN}", failed)
    await word("nothing", first, "{}")
    await to.own("as its sender sees it", "GET", f"/topup/status/{second}", key)


async def keys(to: Recorder) -> None:
    _, key = await account(to)
    stranger = await to.gateway.key(await to.gateway.account())
    full = {
        "name": "agent",
        "scopes": ["topup:send", "topup:read"],
        "per_call_cents": 500,
        "caps": {"per_day_cents": 1000},
        "ip_allow_list": ["192.0.2.1"],
        "approval_above_cents": 400,
        "approval_above_per_day_cents": 900,
        "expires_at": "2099-01-01T00:00:00+02:00",
    }
    once = {"Idempotency-Key": "key-1"}
    made = await to.own("with all fields", "POST", "/keys", key, json=full, headers=once)
    await to.own("the same again", "POST", "/keys", key, json=full, headers=once)
    second = await to.own("with none", "POST", "/keys", key, json={})
    await to.own("from elsewhere", "GET", "/topup/balance", made["key"])
    two = {"per_day_cents": 1, "caps": {"per_day_cents": 2}}
    await to.own("a cap with two values", "POST", "/keys", key, json=two)
    two = {"approval_above_cents": 1, "approval_threshold_cents": 2}
    await to.own("a threshold with two values", "POST", "/keys", key, json=two)
    await to.own("no scope", "POST", "/keys", key, json={"scopes": ["nonsense"]})
    await to.own("no address", "POST", "/keys", key, json={"ip_allow_list": ["x"]})
    await to.own("over before", "POST", "/keys", key, json={"expires_at": "2020-01-01T00:00:00Z"})
    await to.own("no time", "POST", "/keys", key, json={"expires_at": "x", "caps": {"x": 1}})

    path = f"/keys/{made['id']}"
    await to.own("one", "GET", path, key)
    await to.own("another's", "GET", path, stranger)
    changes = {"name": "new", "caps": {"per_month_cents": 9}, "expires_at": None}
    await to.own("changed", "PATCH", path, key, json=changes)
    await to.own("unchanged", "PATCH", path, key, json={})
    await to.own("more scopes", "PATCH", path, key, json={"scopes": ["admin"]})
    await to.own("rotated", "POST", f"{path}/rotate", key, json={"overlap_s": 60})
    await to.own("for too long", "POST", f"{path}/rotate", key, json={"overlap_s": 10**9})
    page = await to.own("the first", "GET", "/keys?limit=1", key)
    await to.own("the next", "GET", f"/keys?limit=1&cursor={page['next_cursor']}", key)
    await to.own("revoked", "DELETE", path, key)
    await to.own("revoked before", "DELETE", path, key)
    await to.own("another's", "DELETE", path, stranger)
    to.clock.advance_s(60)
    await to.own("ended", "GET", "/topup/balance", made["key"])
    await to.own("a sibling", "PATCH", path, second["key"], json={"name": "x"})

    await _tokens(to, key)
    await _audit(to, key, second["key"])


async def _tokens(to: Recorder, key: str) -> None:
    path = "/tokens"
    once = {"Idempotency-Key": "token-1"}
    token = await to.own("named", "POST", path, key, json={"name": "cli"}, headers=once)
    await to.own("another request", "POST", path, key, json={"name": "ci"}, headers=once)
    other = await to.own("nameless", "POST", path, key, json={})
    await to.own("too long a name", "POST", path, key, json={"name": "x" * 401})
    page = await to.own("the first", "GET", f"{path}?limit=1", key)
    await to.own("the next", "GET", f"{path}?limit=1&cursor={page['next_cursor']}", key)
    await to.own("revoked", "DELETE", f"{path}/{token['id']}", key)
    await to.own("revoked by name", "DELETE", path, key, json={"id": other["id"]})
    await to.own("no id", "DELETE", path, key, json={"id": "x"})
    await to.own("unknown", "DELETE", f"{path}/tok_{UNKNOWN}", key)
    await to.own("ended", "GET", "/topup/balance", token["token"])


async def _audit(to: Recorder, key: str, child: str) -> None:
    page = await to.own("the first", "GET", "/audit?limit=2", key)
    await to.own("the next", "GET", f"/audit?limit=200&cursor={page['next_cursor']}", key)
    await to.own("by a key with a parent", "GET", "/audit", child)
    await to.own("a wrong cursor", "GET", "/audit?cursor=x", key)
