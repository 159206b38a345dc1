"""Walks through what needs no credential: codes, health, the events' schemas, notifications."""

from tests.gateway.answers.own_walks import account
from tests.gateway.answers.recorder import Recorder


async def plain(to: Recorder) -> None:
    _, key = await account(to)
    await to.own("all", "GET", "/codes")
    page = await to.own("the first", "GET", "/codes?limit=2")
    await to.own("the next", "GET", f"/codes?limit=2&cursor={page['next_cursor']}")
    await to.own("a wrong cursor", "GET", "/codes?cursor=x")
    await to.own("a field it has not", "GET", "/codes?x=1")
    await to.own("a field twice", "GET", "/codes?limit=1&limit=2")
    await to.own("its methods", "OPTIONS", "/keys")
    await to.own("its head", "HEAD", "/topup/balance", key)
    await to.own("nothing there", "GET", "/nothing", key)
    for path in ("/nothing", "/healthz", "/readyz", "/docs/events/nothing", "/codes"):
        await to.ask("outside the API", "GET", path)
    await to.ask("outside the API", "POST", "/healthz")


async def notifications(to: Recorder) -> None:
    await account(to)
    paths = ("/payment/webhook/epay", "/payment/webhook/stripe", "/payment/webhook/creem")
    for path in (*paths, "/api/user/epay/notify", "/api/billing/webhook/myfatoorah"):
        await to.ask("forged", "POST", path, content=b"{}")
        await to.ask("without a word", "POST", path)
        await to.ask("with another method", "PUT", path)
