"""Walks through what sells credit: our own orders, and each vendor's dialect of them."""

from typing import Any
from urllib.parse import urlsplit

from billing.catalog.coupon import create as create_coupon, new_coupon
from tests.gateway.answers.own_walks import UNKNOWN, account
from tests.gateway.answers.recorder import Recorder
from tests.support.billing_api_calls import PLAN, administrator
from tests.support.oauth_agreement import agree
from tests.support.redemption_codes import codes_of

BACK = {"success_url": "https://shop.example/thanks", "cancel_url": "https://shop.example/cart"}


async def orders(to: Recorder) -> None:
    account_id, key = await account(to)
    live = await to.gateway.key(account_id, "live")
    stranger = await to.gateway.key(await to.gateway.account())
    await _coupon(to, "TEN", percent=10)
    await _coupon(to, "FREE", percent=100)
    page = await to.own("the first", "GET", "/packs?limit=1", key)
    await to.own("the next", "GET", f"/packs?limit=2&cursor={page['next_cursor']}", key)
    await to.own("a wrong cursor", "GET", "/packs?cursor=x", key)

    path, at = "/orders", {"provider": "stripe"}
    once = {"Idempotency-Key": "order-1"}
    pack = {**at, "pack_id": "pack_starter"}
    made = await to.own("a pack", "POST", path, key, json={**pack, **BACK}, headers=once)
    await to.own("the same again", "POST", path, key, json={**pack, **BACK}, headers=once)
    await to.own("an amount", "POST", path, key, json={**at, "amount_cents": 1234})
    await to.own(
        "elsewhere", "POST", path, key, json={"provider": "myfatoorah", "amount_cents": 500}
    )
    await to.own("with a coupon", "POST", path, key, json={**pack, "coupon": "TEN"})
    await to.own("at no cost", "POST", path, key, json={**pack, "coupon": "free"})
    await to.own("no coupon", "POST", path, key, json={**pack, "coupon": "NONE"})
    await to.own("no pack", "POST", path, key, json={**at, "pack_id": "x"})
    await to.own("neither", "POST", path, key, json=at)
    await to.own("both", "POST", path, key, json={**pack, "amount_cents": 500})
    await to.own("too little", "POST", path, key, json={**at, "amount_cents": 1})
    await to.own("no provider", "POST", path, key, json={**pack, "provider": "x"})
    await to.own("no way back", "POST", path, key, json={**pack, "success_url": "x"})
    await to.own("in live", "POST", path, live, json=pack)
    await _press(to, made["url"], "paid")
    await to.own("paid", "GET", f"{path}/{made['id']}", key)
    await to.own("another's", "GET", f"{path}/{made['id']}", stranger)
    page = await to.own("the first", "GET", f"{path}?limit=1", key)
    await to.own("the next", "GET", f"{path}?limit=1&cursor={page['next_cursor']}", key)
    await to.own("paid ones", "GET", f"{path}?status=paid&provider=stripe", key)
    await to.own("no status", "GET", f"{path}?status=x", key)
    await to.own("what was told", "GET", "/events?limit=1", key)


async def _coupon(to: Recorder, code: str, **fields: Any) -> None:
    context = to.gateway.context
    wanted = new_coupon("staging", code=code, now_us=context.clock.now_us(), **fields)
    await context.database.transaction(lambda tx: create_coupon(tx, wanted))


async def _press(to: Recorder, url: str, outcome: str) -> None:
    """A button of the sandbox's page; what it shows is no answer of an API."""
    to.clock.advance_s(1)
    pressed = await to.gateway.client.post(urlsplit(url).path, data={"outcome": outcome})
    assert pressed.status_code in {302, 303}, pressed.text


async def billing_api(to: Recorder) -> None:
    _, key = await account(to)
    boss = await administrator(to.gateway)
    await _catalogue(to, boss.key, key)
    await to.ask("the caller's", "GET", "/credits/balance", key)
    await to.ask("without a credential", "GET", "/credits/balance")

    path = "/payment/create-session"
    plan = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id", **BACK}
    topup = {"channel": "stripe", "type": "topup", "pack_id": "pack_starter"}
    once = {"Idempotency-Key": "session-1"}
    made = await to.ask("a plan", "POST", path, key, json=plan, headers=once)
    await to.ask("the same again", "POST", path, key, json=plan, headers=once)
    await to.ask("a pack", "POST", path, key, json={**topup, "coupon_code": "TEN"})
    await to.ask("at no cost", "POST", path, key, json={**topup, "coupon": "FREE"})
    amount = {"channel": "stripe", "type": "topup", "amount_cents": 999}
    await to.ask("an amount", "POST", path, key, json=amount)
    for note, changes in REFUSED_SESSIONS.items():
        await to.ask(note, "POST", path, key, json={**topup, **changes})
    await _press(to, made.json()["data"]["url"], "paid")
    await to.ask("a second plan", "POST", path, key, json=plan)
    body = {"return_url": "https://shop.example/back"}
    await to.ask("with a plan", "POST", "/subscription/portal", key, json=body)
    await to.ask("without one", "POST", "/subscription/portal", boss.key, json=body)
    await to.ask("no address", "POST", "/subscription/portal", key, json={})

    await to.ask("today's", "POST", "/checkin", key, json={})
    await to.ask("twice", "POST", "/checkin", key, json={})
    found = await to.ask("all", "GET", "/orders", key)
    await to.ask("a page", "GET", "/orders?limit=1&offset=1", key)
    await to.ask("too many", "GET", "/orders?limit=999", key)
    await to.ask("one", "GET", f"/orders/{found.json()['data'][0]['id']}", key)
    await to.ask("unknown", "GET", f"/orders/ord_{UNKNOWN}", key)
    await to.ask("all", "GET", "/credits/transactions", key)
    await to.ask("a page", "GET", "/credits/transactions?limit=1&offset=1", key)
    await to.ask("before the first", "GET", "/credits/transactions?offset=-1", key)
    await _credits(to, boss.key, boss.account_id)


REFUSED_SESSIONS: dict[str, dict[str, Any]] = {
    "no channel": {"channel": "x"},
    "no type": {"type": "x"},
    "no coupon": {"coupon": "NONE"},
    "a subscription to nothing": {"type": "subscription"},
    "an unknown plan": {"type": "subscription", "plan_id": "x"},
    "too little": {"pack_id": None, "amount_cents": 1},
    "pack and amount": {"amount_cents": 500},
    "not sold there": {"type": "subscription", "plan_id": "team", "channel": "myfatoorah"},
}


async def _catalogue(to: Recorder, boss: str, key: str) -> None:
    path = "/admin/billing/plans"
    team = {"id": "team", "name": "Team", "price_monthly": 2997, "credits_included": 40_000}
    await to.ask("a plan", "POST", path, boss, json=PLAN)
    await to.ask("with an id at a provider", "POST", path, boss, json={**team, **REFS})
    await to.ask("there is one", "POST", path, boss, json=PLAN)
    await to.ask("at no price", "POST", path, boss, json={**PLAN, "id": "x", "price_monthly": 0})
    await to.ask("by its caller", "POST", path, key, json=PLAN)
    await to.ask(
        "changed", "PUT", f"{path}/team", boss, json={"price_yearly": 9, "features": ["a"]}
    )
    await to.ask("unknown", "PUT", f"{path}/x", boss, json={"active": False})
    await to.ask("a wrong currency", "PUT", f"{path}/team", boss, json={"currency": "EURO"})
    await to.ask("all", "GET", path, boss)
    await to.ask("to anybody", "GET", "/subscription/plans")
    await to.ask("to a caller", "GET", "/subscription/plans", key)
    await to.ask("of live", "GET", "/subscription/plans?environment=live")
    await to.ask("of nowhere", "GET", "/subscription/plans?environment=x")

    path = "/admin/billing/coupons"
    await to.ask("a part", "POST", path, boss, json={"code": "ten", "percent": 10})
    ends = {"code": "LATE", "expires_at": "2026-07-01T00:00:00Z", "uses_max": 5}
    await to.ask(
        "of a time", "POST", path, boss, json={**ends, "amount_off": 100, "currency": "USD"}
    )
    free = {"code": "FREE", "percent": 100, "uses_per_account": 1, "minimum_amount": 1}
    await to.ask("all of it", "POST", path, boss, json=free)
    await to.ask("there is one", "POST", path, boss, json={"code": "TEN", "percent": 10})
    await to.ask("too much", "POST", path, boss, json={"code": "X", "percent": 101})
    await to.ask("no end", "POST", path, boss, json={"code": "X", "percent": 1, "expires_at": "x"})
    page = await to.ask("the first", "GET", f"{path}?limit=1", boss)
    cursor = page.json()["next_cursor"]
    await to.ask("the next", "GET", f"{path}?limit=2&cursor={cursor}", boss)
    await to.ask("a wrong cursor", "GET", f"{path}?cursor=x", boss)

    path = "/admin/checkin/config"
    await to.ask("at first", "GET", path, boss)
    ranged = {"enabled": True, "min_credits": 5, "max_credits": 9, "daily_budget_credits": 99}
    await to.ask("at random", "PUT", path, boss, json=ranged)
    await to.ask("fixed", "PUT", path, boss, json={"credits": 7, "streak_bonus_credits": 1})
    for note, body in REFUSED_CONFIGS.items():
        await to.ask(note, "PUT", path, boss, json=body)
    await to.ask("afterwards", "GET", path, boss)
    await to.ask("by a caller", "GET", path, key)


REFS = {"stripe_price_id_monthly": "price_1", "creem_product_id": "prod_1"}
REFUSED_CONFIGS: dict[str, dict[str, Any]] = {
    "nothing": {"credits": 0},
    "nothing at random": {"min_credits": 0, "max_credits": 5},
    "upside down": {"min_credits": 20, "max_credits": 10},
    "two awards": {"credits": 5, "min_credits": 5},
    "below none": {"daily_budget_credits": -1},
    "another name": {"credits_min": 5},
}


async def _credits(to: Recorder, boss: str, account_id: str) -> None:
    path = "/admin/credits/manual"
    given = {"account_id": account_id, "amount": 500, "reason": "for the wait"}
    once = {"Idempotency-Key": "manual-1"}
    await to.ask("given", "POST", path, boss, json=given, headers=once)
    await to.ask("the same again", "POST", path, boss, json=given, headers=once)
    await to.ask("taken", "POST", path, boss, json={**given, "amount": -300})
    await to.ask("more than there is", "POST", path, boss, json={**given, "amount": -(10**9)})
    await to.ask("nothing", "POST", path, boss, json={**given, "amount": 0})
    await to.ask("to nobody", "POST", path, boss, json={**given, "account_id": "acc_1"})
    await to.ask("elsewhere", "POST", path, boss, json={**given, "environment": "live"})
    await to.ask("for no reason", "POST", path, boss, json={**given, "reason": ""})
    path = "/admin/credits/transactions"
    page = await to.ask("the first", "GET", f"{path}?limit=1", boss)
    cursor = page.json()["next_cursor"]
    await to.ask("the next", "GET", f"{path}?limit=2&cursor={cursor}", boss)
    await to.ask("of an account", "GET", f"{path}?account_id={account_id}", boss)
    await to.ask("no time", "GET", f"{path}?created_after=x", boss)
    await to.ask("no type", "GET", f"{path}?type=x", boss)


async def newapi(to: Recorder) -> None:
    account_id, key = await account(to)
    live = await to.gateway.key(account_id, "live")
    boss = await administrator(to.gateway)
    await boss.call("POST", "/admin/billing/plans", status=201, json={**PLAN, **REFS})
    base = "/api/user"
    await to.ask("in staging", "GET", f"{base}/topup/info", key)
    await to.ask("in live", "GET", f"{base}/topup/info", live)
    other = {"New-Api-User": "1"}
    await to.ask("another's", "GET", f"{base}/topup/info", key, headers=other)
    await to.ask("no credential", "GET", f"{base}/topup/info")
    await to.ask("no path", "GET", f"{base}/nothing", key)

    path = f"{base}/pay"
    once = {"Idempotency-Key": "pay-1"}
    made = await to.ask("an amount", "POST", path, key, json={"amount": 10}, headers=once)
    await to.ask("the same again", "POST", path, key, json={"amount": 10}, headers=once)
    cheaper = {"amount": 100, "payment_method": "stripe"}
    await to.ask("at a discount", "POST", path, key, json=cheaper)
    await to.ask("too little", "POST", path, key, json={"amount": 0})
    await to.ask("no method", "POST", path, key, json={"amount": 10, "payment_method": "x"})
    await to.ask("in live", "POST", path, live, json={"amount": 10})
    await to.ask("mistyped", "POST", path, key, json={"amount": "10"})
    await _press(to, made.json()["data"], "paid")

    path = f"{base}/topup"
    [code] = await codes_of(to.gateway, 1500)
    await to.ask("a code", "POST", path, key, json={"key": code})
    await to.ask("used", "POST", path, key, json={"key": code})
    await to.ask("unknown", "POST", path, key, json={"key": "TOPUP-0000-0000-0000"})
    await to.ask("none", "POST", path, key, json={})
    path = f"{base}/topup/self"
    await to.ask("all", "GET", path, key)
    await to.ask("a page", "GET", f"{path}?p=1&page_size=1", key)
    await to.ask("found", "GET", f"{path}?keyword=nothing", key)
    await to.ask("no page", "GET", f"{path}?p=x", key)


async def resayil(to: Recorder) -> None:
    _, key = await account(to)
    reads = await to.gateway.key(await to.gateway.account(), scopes=["billing:read"])
    base = "/api/billing"
    await to.ask("for sale", "GET", f"{base}/topup-packs", key)
    await to.ask("no credential", "GET", f"{base}/topup-packs")
    path = f"{base}/topup"
    once = {"Idempotency-Key": "buy-1"}
    await _coupon(to, "FREE", percent=100)
    made = await to.ask("a pack", "POST", path, key, json={"pack_id": "pack_pro"}, headers=once)
    await to.ask("the same again", "POST", path, key, json={"pack_id": "pack_pro"}, headers=once)
    free = {"pack_id": "pack_starter", "coupon": "FREE"}
    await to.ask("at no cost", "POST", path, key, json=free)
    await to.ask("no pack", "POST", path, key, json={"pack_id": "x"})
    await to.ask("nothing", "POST", path, key, json={})
    await to.ask("without the scope", "POST", path, reads, json={"pack_id": "pack_pro"})
    await _press(to, made.json()["payment_url"], "paid")
    path = f"{base}/topup-history"
    await to.ask("the first page", "GET", path, key)
    await to.ask("the next", "GET", f"{path}?page=2", key)
    await to.ask("no page", "GET", f"{path}?page=x", key)
    await to.ask("free", "GET", f"{base}/subscription", key)
    boss = await administrator(to.gateway)
    await boss.call("POST", "/admin/billing/plans", status=201, json=PLAN)
    plan = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}
    session = await to.ask("a plan", "POST", "/payment/create-session", key, json=plan)
    await _press(to, session.json()["data"]["url"], "paid")
    await to.ask("with a plan", "GET", f"{base}/subscription", key)


async def ohmygpt(to: Recorder) -> None:
    agreed = await agree(to.gateway)
    low = await agree(to.gateway, email="low@example.com", scope="general_api_access")
    base = "/api/v1/user/oauth"
    issue = {"client_id": agreed.app.id, "client_secret": agreed.secret}
    path = f"{base}/issue-token"
    code = await agreed.code()
    issued = await to.ask("a code", "POST", path, data={**issue, "code": code})
    await to.ask("the same again", "POST", path, data={**issue, "code": code})
    wrong = {**issue, "client_secret": "x"}
    await to.ask("a wrong secret", "POST", path, data={**wrong, "code": "x"})
    await to.ask("nothing", "POST", path, data={})
    token, weak = issued.json()["data"]["token"], await low.token()
    fresh = await agree(to.gateway, email="new@example.com")
    token = await fresh.token()

    await to.ask("the user", "POST", f"{base}/user-info", token)
    await to.ask("no token", "POST", f"{base}/user-info")
    await to.ask("the user's", "POST", f"{base}/balance", token)
    path = f"{base}/charge"
    body = {"amount": "1.5", "order_no": "o-1", "remark": "a lesson"}
    await to.ask("charged", "POST", path, token, data=body)
    await to.ask("the same again", "POST", path, token, data=body)
    await to.ask("as JSON", "POST", path, token, json={**body, "order_no": "o-2"})
    await to.ask("another amount", "POST", path, token, data={**body, "amount": "2"})
    await to.ask("too much", "POST", path, token, data={**body, "order_no": "o", "amount": "99"})
    await to.ask("nothing", "POST", path, token, data={**body, "order_no": "o", "amount": "0"})
    await to.ask("no number", "POST", path, token, data={**body, "amount": "1e3"})
    await to.ask("without the step", "POST", path, weak, data=body)

    for name in ("create-order", "create-invoice-order"):
        path = f"/api/v1/pay/oa/stripe/{name}"
        await to.ask("ten dollars", "POST", path, token, data={"amount": "10", **BACK})
        await to.ask("too little", "POST", path, token, data={"amount": "0.01"})
        await to.ask("no product", "POST", path, token, data={"amount": "10", "product_id": "1"})
    path = f"{base}/management-token"
    made = await to.ask("made", "POST", path, token)
    await to.ask("shown", "POST", path, token)
    await to.ask("another", "POST", f"{path}/update", token)
    await to.ask("by itself", "POST", path, made.json()["data"]["token"])
    updated = await to.ask("one more", "POST", f"{path}/update", token)
    await to.ask("by itself", "POST", path, updated.json()["data"]["token"])
