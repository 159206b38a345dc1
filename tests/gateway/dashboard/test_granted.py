"""What a colleague allowed, and whom an owner invited, once their access has ended: seen over HTTP."""

import pytest

from kernel.clock import FixedClock, rfc3339
from store.database import Transaction
from tests.gateway.dashboard.test_cli_login import begun, decided, polled
from tests.gateway.dashboard.test_team import OWNER, TEAM, Team, link_in, opened
from tests.support.browser import PASSWORD, csrf_of, new_browser, signed_in, text_of
from tests.support.gateway import API, Gateway
from tests.support.operator_pages import account_of, press
from worker.topups import Releaser

pytestmark = pytest.mark.fixed_clock
NEW_PASSWORD = "another long password"


@pytest.fixture
async def team(gateway: Gateway, clock: FixedClock) -> Team:
    return await opened(gateway, await signed_in(gateway, OWNER), clock)


@pytest.mark.one_database
async def test_a_login_that_a_removed_colleague_allowed_gives_no_key(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    login = await begun(team.gateway)
    allowed = await decided(theirs, login)
    await team.press("dev@acme.example", "remove")
    refused = await polled(team.gateway, login)

    assert allowed.status_code == 200
    assert refused.status_code == 403
    error = refused.json()["data"]["error"]
    assert error["reason"] == "access_denied"
    assert "no longer has access" in error["detail"]


async def test_a_new_password_ends_the_invitations_of_before_and_the_page_says_so(
    team: Team,
) -> None:
    path = await team.invited("ann@acme.example")
    team.pass_time()
    html = (await team.owner.get("/dashboard/account")).text
    changed = await team.owner.send(
        "/dashboard/account/password",
        {"csrf_token": csrf_of(html), "password": PASSWORD, "new_password": NEW_PASSWORD},
    )
    over = await new_browser(team.gateway).request("GET", path)
    page = (await team.owner.get(TEAM)).text
    team.pass_time()
    newer = link_in(await team.press("ann@acme.example", "link"))
    again = await new_browser(team.gateway).request("GET", newer)

    assert changed.status_code == 303
    assert (over.status_code, again.status_code) == (404, 200)
    assert "invitation no longer works" in page


async def test_a_send_for_later_of_who_left_is_released_by_the_owner_and_by_no_key_of_theirs(
    team: Team, clock: FixedClock
) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    send = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
    at = {"send_at": rfc3339(clock.now_us() + 3_600_000_000)}
    html = (await theirs.get("/dashboard")).text
    csrf = {"X-CSRF-Token": csrf_of(html), "Origin": team.gateway.url}
    sent = await theirs.request(
        "POST", f"{API}/topup/send", {**csrf, "Idempotency-Key": "later"}, json={**send, **at}
    )
    assert sent.json()["status"] == "scheduled", sent.text
    own = await account_of(team.owner)
    key = await team.gateway.key(own, scopes=("approvals:write", "topup:read"))
    await team.press("dev@acme.example", "remove")
    clock.advance_s(3600)
    context = team.gateway.context
    await Releaser(context.database, context.clock, context.engine).sweep()
    await context.database.transaction(lambda tx: made_by_them(tx, sent.json()["transaction_id"]))

    listed = await team.gateway.call("GET", "/approvals?status=pending", key=key)
    (asked,) = listed.json()["data"]["items"]
    by_key = await team.gateway.call("POST", f"/approvals/{asked['id']}/approve", key=key, json={})
    page = text_of((await team.owner.get(f"/dashboard/approvals/{asked['id']}")).text)
    await press(
        team.owner,
        f"/dashboard/approvals/{asked['id']}",
        f"/dashboard/approvals/{asked['id']}/approve",
    )
    status = await team.gateway.call(
        "GET", f"/topup/status/{sent.json()['transaction_id']}", key=key
    )

    assert (asked["reason"], asked["sender_email"]) == ("sender_left", "dev@acme.example")
    assert asked["requester"] is None
    assert (by_key.status_code, by_key.json()["code"]) == (403, 2009)
    assert "dev@acme.example has left" in page
    assert status.json()["status"] == "delivered"


async def made_by_them(tx: Transaction, topup_id: str) -> None:
    """As if whoever sent the top-up had made every key of the account."""
    await tx.execute(
        """UPDATE api_keys SET made_by = (SELECT sent_by FROM topups WHERE id = :id)
           WHERE account_id = (SELECT account_id FROM topups WHERE id = :id)""",
        id=topup_id,
    )


async def test_the_owner_sees_what_a_removed_colleague_made_and_ends_it(team: Team) -> None:
    theirs = await team.joined("dev@acme.example", "developer")
    csrf = {"X-CSRF-Token": csrf_of((await theirs.get("/dashboard")).text)}
    minted = await theirs.request(
        "POST",
        f"{API}/keys",
        {**csrf, "Origin": team.gateway.url, "Idempotency-Key": "k"},
        json={"name": "their key", "scopes": ["topup:read"]},
    )
    secret = minted.json()["data"]["key"]
    before = await team.gateway.call("GET", "/keys/self", key=secret)
    removed = await team.press("dev@acme.example", "remove")
    made = removed.headers["location"].split("?")[0]
    seen = text_of((await team.owner.get(made)).text)
    by_them = await theirs.get(made)
    ended = await press(team.owner, made, made.removesuffix("/made") + "/end")
    team.pass_time()
    after = await team.gateway.call("GET", "/keys/self", key=secret)
    over = text_of((await team.owner.get(made)).text)

    assert (before.status_code, after.status_code) == (200, 401)
    assert "What dev@acme.example created" in seen
    assert "their key" in seen
    assert by_them.status_code != 200
    assert ended.status_code == 303
    assert "Nothing left to remove" in over
