"""What a colleague allowed, and whom an owner invited, once their access has ended: seen over HTTP."""

import pytest

from kernel.clock import FixedClock
from tests.gateway.dashboard.test_cli_login import begun, decided, polled
from tests.gateway.dashboard.test_team import OWNER, TEAM, Team, link_in, opened
from tests.support.browser import PASSWORD, csrf_of, new_browser, signed_in
from tests.support.gateway import Gateway

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
    assert "invitation is over" in page
