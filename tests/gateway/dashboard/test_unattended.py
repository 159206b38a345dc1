"""What workers leave undone stands on an operator's first pages, and on nobody else's."""

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from tests.support.browser import signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import operator
from tests.support.webhook_rows import given_endpoint, given_events

pytestmark = [pytest.mark.fixed_clock, pytest.mark.one_database]
FIRST_PAGES = ("/dashboard", "/dashboard/admin/home")
NOTE = "Webhooks are due, but no worker delivers them. The longest has been due for 1 min 1 s."


async def test_an_operators_first_pages_say_that_no_worker_looks_after_webhooks(
    gateway: Gateway, clock: FixedClock
) -> None:
    database = gateway.context.database
    tenant = Tenant(await gateway.account(), "staging")
    boss, somebody = await operator(gateway), await signed_in(gateway)
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant)
    quiet = [text_of((await boss.get(path)).text) for path in FIRST_PAGES]
    clock.advance_s(61)

    loud = [text_of((await boss.get(path)).text) for path in FIRST_PAGES]
    theirs = text_of((await somebody.get("/dashboard")).text)

    assert [NOTE in page for page in quiet] == [False, False]
    assert [NOTE in page for page in loud] == [True, True]
    assert "no worker" not in theirs
