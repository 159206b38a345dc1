"""People choose their mail for themselves, at the page Account and by the link of a mail; a burst is one line."""

import re

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import member
from keys.notifications import CHOICES, Person, people_of
from keys.principal import MemberRole
from store.database import Transaction
from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import account_of
from tests.support.webhook_rows import given_endpoint
from webhooks.deliveries import notice
from webhooks.deliveries.notice import Failure

ACCOUNT = "/dashboard/account"
CHOSEN = f"{ACCOUNT}?said=notifications-chosen"
pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]


async def colleague(gateway: Gateway, account_id: str, email: str, role: MemberRole) -> Browser:
    """Signed in to their own account, and a member of that one."""
    browser = await signed_in(gateway, email)
    person_id, now_us = await account_of(browser), gateway.context.clock.now_us()

    async def work(tx: Transaction) -> None:
        made = await member.invite(
            tx, account_id=account_id, email=email, role=role, invited_by=account_id, now_us=now_us
        )
        await member.accept(tx, made, person_id, now_us=now_us)

    await gateway.context.database.transaction(work)
    return browser


async def people(gateway: Gateway, account_id: str) -> dict[str, Person]:
    found = await gateway.context.database.read(lambda tx: people_of(tx, [account_id]))
    return {one.role: one for one in found[account_id]}


def ticked(html: str, account_id: str) -> set[str]:
    boxes = re.findall(rf'name="told_{account_id}" value="(\w+)"( checked)?', html)
    return {value for value, is_checked in boxes if is_checked}


async def test_a_person_chooses_for_each_account_and_for_nobody_else(gateway: Gateway) -> None:
    owner = await signed_in(gateway, "owner@acme.com")
    account_id = await account_of(owner)
    theirs = await colleague(gateway, account_id, "dev@acme.com", "developer")
    own_id = await account_of(theirs)
    stranger_id = await account_of(await signed_in(gateway, "eve@mail.com"))

    before = (await theirs.get(ACCOUNT)).text
    fields = {
        "account": [account_id, own_id, stranger_id],
        f"told_{account_id}": ["key", "balance"],
        f"told_{own_id}": list(CHOICES),
        f"told_{stranger_id}": ["key"],
    }
    saved = await theirs.send(f"{ACCOUNT}/notifications", fields)
    after = (await theirs.get(ACCOUNT)).text
    nonsense = await theirs.send(
        f"{ACCOUNT}/notifications", {"account": account_id, f"told_{account_id}": "news"}
    )

    assert ticked(before, account_id) == {"webhook", "key"}
    assert ticked(before, own_id) == set(CHOICES) - {"staging"}
    assert "Your choices will apply once it is set up." in text_of(before)
    assert saved.headers["location"] == CHOSEN
    assert ticked(after, account_id) == {"key", "balance"}
    assert ticked(after, own_id) == set(CHOICES)
    assert nonsense.status_code == 422
    now = await people(gateway, account_id)
    assert now["owner"].wanted == set(CHOICES) - {"staging"}
    assert (await people(gateway, stranger_id))["owner"].wanted == set(CHOICES) - {"staging"}
    log = text_of((await owner.get(f"{ACCOUNT}/security")).text)
    assert "mail.changed" in log
    # What the form does not show is left as it was.
    kept = await theirs.send(f"{ACCOUNT}/notifications", {f"told_{account_id}": "webhook"})
    assert kept.headers["location"] == CHOSEN
    assert ticked((await theirs.get(ACCOUNT)).text, account_id) == {"key", "balance"}


async def test_a_colleagues_link_ends_one_kind_of_one_account_and_allows_it_again(
    gateway: Gateway,
) -> None:
    account_id = await account_of(await signed_in(gateway, "owner@acme.com"))
    theirs = await colleague(gateway, account_id, "dev@acme.com", "developer")
    person = (await people(gateway, account_id))["developer"]
    link = gateway.context.topup_rules.links.token_of("member_no_webhook", person.subject_id)
    path = f"/no-mail/{link}"

    async def wanted() -> frozenset[str]:
        return (await people(gateway, account_id))["developer"].wanted

    page = text_of((await gateway.client.get(path)).text)
    untouched = await wanted()
    await gateway.client.post(path, data={"List-Unsubscribe": "One-Click"})
    off = await wanted()
    spanish = text_of((await gateway.client.get(f"{path}?lang=es")).text)
    await gateway.client.post(path, data={"want": "mail"})
    on = await wanted()
    own = (await people(gateway, await account_of(theirs)))["owner"]
    now_us = gateway.context.clock.now_us()
    await gateway.context.database.transaction(
        lambda tx: member.leave(tx, account_id, person.person_id, now_us=now_us)
    )
    gone = await gateway.client.post(path)

    assert "You get emails of this kind: failing webhooks." in page
    assert "dev@acme.com" not in page
    assert (sorted(untouched), sorted(off)) == (["key", "webhook"], ["key"])
    assert on == untouched
    assert "Ya no recibes correos de este tipo: webhooks que fallan" in spanish
    assert "webhook" in own.wanted
    assert gone.status_code == 404


async def test_a_burst_of_failing_webhooks_is_one_line_of_the_overview(
    gateway: Gateway, clock: FixedClock
) -> None:
    owner = await signed_in(gateway, "owner@acme.com")
    tenant, database = Tenant(await account_of(owner), "staging"), gateway.context.database

    made: list[str] = []

    async def fail(count: int) -> None:
        for _ in range(count):
            endpoint, _ = await given_endpoint(database, clock, tenant)
            made.append(endpoint.id)
            await database.transaction(
                lambda tx: tx.execute("UPDATE endpoints SET failing_since_at = 1")
            )
            failed = Failure(endpoint.id, clock.now_us(), True, None)
            await database.transaction(lambda tx: notice.write_failing(tx, [failed]))  # noqa: B023

    async def say(stage: str, which: str) -> None:
        """Of the oldest notice or the newest."""
        place = f"id = (SELECT {which}(id) FROM notices)"
        await database.transaction(
            lambda tx: tx.execute(f"UPDATE notices SET stage = :stage WHERE {place}", stage=stage)
        )

    await fail(1)
    one = (await owner.get("/dashboard")).text
    await say("failing_for_four_days", "MAX")
    warned = (await owner.get("/dashboard")).text
    page = (await owner.get(f"/dashboard/webhooks/{made[0]}")).text
    await fail(45)
    await say("disabled", "MIN")
    await say("failing_for_four_days", "MAX")
    many = (await owner.get("/dashboard")).text

    assert "Webhook failing: https://hooks.example.com/in first failed" in text_of(one)
    assert "will be disabled" not in text_of(one)
    # It was noticed on June 13 at noon; a day after the warning it ends.
    ends = "It will be disabled on 2026-06-14 12:00:00 UTC unless an event is delivered first."
    assert ends in text_of(warned)
    assert ends in text_of(page)
    assert "46 webhooks fail, 1 of them is disabled." in text_of(many)
    assert "1 of them will be disabled on 2026-06-14 12:00:00 UTC unless" in text_of(many)
    assert many.count('class="note bad"') == 1
