"""An owner sees what somebody made and ends all of it at once, with the funds back."""

from collections import Counter
from dataclasses import replace

import pytest

from billing.team.ending import Ending, Made, made_by
from billing.topups.topup import load
from kernel.clock import FixedClock
from keys.api_keys import api_key
from keys.api_keys.fields import NewKey
from keys.audit_log import Actor
from keys.oauth import app as oauth_app
from keys.oauth.app import NewApp, list_apps
from keys.vault import Vault
from store.database import Database, Transaction
from tests.support.colleagues import Colleague, given_colleague
from tests.support.funded_account import FundedAccount, open_funded_account
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.fields import EndpointRights, NewEndpoint

pytestmark = pytest.mark.fixed_clock
HOUR_US = 3_600_000_000
FUNDS = 1_000_000


async def given_work(colleague: Colleague) -> None:
    """A key with a child, an endpoint of theirs and one of the key, and two sends for later."""
    account = colleague.account
    now_us = account.clock.now_us()
    vault = Vault([bytes(32)])

    async def work(tx: Transaction) -> None:
        key, _ = await api_key.mint(
            tx,
            account_id=account.account_id,
            environment="staging",
            parent=colleague.principal,
            new=NewKey(name="theirs", scopes=("topup:send", "topup:read")),
            now_us=now_us,
        )
        child = NewKey(name="child", scopes=("topup:read",))
        by_key = replace(account.principal, credential_id=key.id, key_id=key.id, lineage=(key.id,))
        await api_key.mint(
            tx,
            account_id=account.account_id,
            environment="staging",
            parent=by_key,
            new=child,
            now_us=now_us,
        )
        for number, who in enumerate((colleague.principal, by_key, account.principal)):
            await endpoints.register(
                tx,
                vault,
                tenant=account.principal.tenant,
                new=NewEndpoint(url=f"https://hooks{number}.example.com/"),
                is_sandbox=False,
                rights=EndpointRights.of(who),
                now_us=now_us,
            )

    await account.database.transaction(work)
    await account.database.transaction(lambda tx: given_apps(tx, colleague, now_us))
    for number in range(2):
        await colleague.send(send_at=now_us + HOUR_US, to=f"user{number}@example.com")
    await account.send(send_at=now_us + HOUR_US)


async def given_apps(tx: Transaction, colleague: Colleague, now_us: int) -> None:
    """An app of theirs and one of the command line."""
    for name, by in (("theirs", colleague.person_id), ("the account's", None)):
        new = NewApp(
            name=name, scope="general_api_access", redirect_uris=("https://app.example.com/back",)
        )
        await oauth_app.create(
            tx, colleague.account.principal.tenant, new, now_us=now_us, made_by=by
        )


async def made(colleague: Colleague) -> Made:
    account = colleague.account
    return await account.database.read(
        lambda tx: made_by(
            tx, account.account_id, colleague.person_id, now_us=account.clock.now_us()
        )
    )


def owner_of(account: FundedAccount) -> Actor:
    return Actor("ses_owner", account.account_id, "session")


def ending(account: FundedAccount) -> Ending:
    return Ending(account.database, account.clock, account.engine, Vault([bytes(32)]))


async def test_all_of_it_is_seen_and_ended_and_nothing_of_others(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    colleague = await given_colleague(account)
    await given_work(colleague)
    await colleague.remove()

    seen = await made(colleague)
    await ending(account).end_all(account.account_id, colleague.person_id, by=owner_of(account))
    left = await made(colleague)

    assert [(one.name, one.is_child) for one in seen.keys] == [("theirs", False), ("child", True)]
    assert [one.name for one in seen.endpoints] == [
        "https://hooks0.example.com/",
        "https://hooks1.example.com/",
    ]
    assert [one.name for one in seen.apps] == ["theirs"]
    apps = await database.read(lambda tx: list_apps(tx, account.principal.tenant))
    assert {one.name: one.disabled_at is None for one in apps} == {
        "theirs": False,
        "the account's": True,
    }
    assert [one.name for one in seen.sends] == ["user0@example.com", "user1@example.com"]
    assert (left.count, left.apps) == (0, [])
    found = await database.read(lambda tx: load(tx, [one.id for one in seen.sends]))
    assert {one.status for one in found.values()} == {"cancelled"}
    balance = await account.balance()
    # The account's own send for later stays.
    assert (balance["balance_cents"], balance["held_cents"]) == (FUNDS - 1000, 1000)
    assert await account.findings() == []
    log = await database.read(
        lambda tx: tx.fetch("SELECT action FROM audit_log WHERE is_security = 1 ORDER BY id")
    )
    acts = [row["action"] for row in log if row["action"].split(".")[0] in {"key", "endpoint"}]
    assert acts == ["key.revoked", "endpoint.deleted", "endpoint.deleted"]
    # Both were registered, and one of them ended.
    assert Counter(row["action"] for row in log)["app.disabled"] == 1


async def test_ending_again_changes_nothing(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    colleague = await given_colleague(account)
    await given_work(colleague)
    await ending(account).end_all(account.account_id, colleague.person_id, by=owner_of(account))
    before = await account.events()

    again = await ending(account).end_all(
        account.account_id, colleague.person_id, by=owner_of(account)
    )

    assert again.count == 0
    assert await account.events() == before
