"""A walk through the plans that an account has: seen, priced, ended, paused and resumed."""

from urllib.parse import urlsplit

from tests.gateway.answers.own_walks import UNKNOWN, account
from tests.gateway.answers.recorder import Recorder
from tests.support.billing_api_calls import PLAN, administrator
from tests.support.dialect_calls import bearer
from worker.money.due import Renewer


async def subscriptions(to: Recorder) -> None:
    _, key = await account(to)
    stranger = await to.gateway.key(await to.gateway.account())
    boss = await administrator(to.gateway)
    await boss.call("POST", "/admin/billing/plans", status=201, json=PLAN)
    dearer = {**PLAN, "id": "team", "name": "Team", "price_monthly": 2997}
    await boss.call("POST", "/admin/billing/plans", status=201, json=dearer)
    path = "/subscriptions"
    await to.own("none", "GET", path, key)
    await _subscribe(to, key)
    listed = await to.own("all", "GET", path, key)
    one = f"{path}/{listed['items'][0]['id']}"

    await to.own("one", "GET", one, key)
    await to.own("another's", "GET", one, stranger)
    await to.own("unknown", "GET", f"{path}/sub_{UNKNOWN}", key)
    await to.own("what it costs", "GET", f"{one}/change?plan_id=team", key)
    await to.own("no plan", "GET", f"{one}/change?plan_id=x", key)
    await to.own("none named", "GET", f"{one}/change", key)
    await to.own("changed", "POST", f"{one}/change", key, json={"plan_id": "team"})
    await to.own("to no plan", "POST", f"{one}/change", key, json={"plan_id": "x"})
    await to.own("at its end", "POST", f"{one}/cancel", key, json={})
    await to.own("changed again", "POST", f"{one}/change", key, json={"plan_id": "plan-id"})
    await to.own("resumed", "POST", f"{one}/resume", key, json={})
    until = {"resumes_at": "2026-08-01T00:00:00Z"}
    await to.own("paused", "POST", f"{one}/pause", key, json=until)
    await to.own("paused again", "POST", f"{one}/pause", key, json=until)
    await to.own(
        "changed while it is paused", "POST", f"{one}/change", key, json={"plan_id": "team"}
    )
    await to.own("goes on", "POST", f"{one}/resume", key, json={})
    past = {"resumes_at": "2020-01-01T00:00:00Z"}
    await to.own("until a time that is over", "POST", f"{one}/pause", key, json=past)
    await to.own("at no time", "POST", f"{one}/cancel", key, json={"at": "never"})
    await _free(to, key, boss.key, one)
    await to.own("at once", "POST", f"{one}/cancel", key, json={"at": "now"})
    await to.own("too late", "POST", f"{one}/resume", key, json={})
    await to.own("what was told", "GET", "/events?limit=2", key)


async def _free(to: Recorder, key: str, boss: str, one: str) -> None:
    """An operator gives the next period, and takes it back."""
    path, why = f"{one}/free-periods", {"reason": "a gift"}
    paid_until = (await to.own("until then", "GET", one, key))["current_period_end"]
    await to.own("without the scope", "POST", path, key, json=why)
    await to.own("paid already", "POST", path, boss, json=why)
    body = {**why, "period_start": paid_until}
    given = await to.own("given free", "POST", path, boss, json=body)
    await to.own("given twice", "POST", path, boss, json=body)
    back = f"{path}/{given['id']}/revoke"
    await to.own("taken back", "POST", back, boss, json={"reason": "a mistake"})
    await to.own("taken back twice", "POST", back, boss, json={"reason": "a mistake"})
    await to.own(
        "of no subscription", "POST", f"/subscriptions/sub_{UNKNOWN}/free-periods", boss, json=why
    )


async def _subscribe(to: Recorder, key: str) -> None:
    """A plan whose first period was paid; that is the Billing API's walk."""
    gateway = to.gateway
    body = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}
    made = await gateway.client.post("/payment/create-session", headers=bearer(key), json=body)
    url = urlsplit(made.json()["data"]["url"]).path
    to.clock.advance_s(1)
    await gateway.client.post(url, data={"outcome": "paid"})
    context = gateway.context
    await Renewer(context.database, context.clock, context.engine, context.payments).step()
