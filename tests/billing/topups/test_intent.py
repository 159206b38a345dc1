"""An intent names one top-up of its account, whichever key, process or door asks for it."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from billing.topups.send import Rehearsal, Sent, new_send, prepare
from billing.topups.working_set import IntentUsed
from kernel.clock import FixedClock
from keys.api_keys import api_key
from keys.caps import CapExceeded
from keys.principal import CredentialEnded
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account

ONE, OTHER = "one-thing-i-want-1", "one-thing-i-want-2"


def another_process(account: FundedAccount) -> FundedAccount:
    """The same account at an engine of its own."""
    engine = open_engine(account.database, account.clock, account.rules)
    return FundedAccount(
        account.database, account.clock, engine, account.account_id, account.principal
    )


async def test_one_intent_is_one_top_up_over_keys_processes_and_batches(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    beside, child = another_process(account), await account.mint(parent=account.principal)

    sent = await asyncio.gather(
        *(account.send(1000, intent=ONE, key=None) for _ in range(5)),
        *(beside.send(1000, intent=ONE, principal=child, note="again") for _ in range(5)),
    )

    assert len({one.topup.id for one in sent}) == 1
    assert [one.is_replay for one in sent].count(False) == 1
    assert (await account.balance())["balance_cents"] == 999_000
    assert await account.events() == ["topup.delivered"]
    assert await account.findings() == []


@pytest.mark.parametrize(
    "other", [{"amount_cents": 999}, {"platform": "gemini"}, {"to": "b@example.com"}]
)
async def test_another_body_is_refused_and_named_the_earlier(
    database: Database, clock: FixedClock, other: dict[str, Any]
) -> None:
    account = await open_funded_account(database, clock)
    first = await account.send(1000, intent=ONE)

    with pytest.raises(IntentUsed) as refused:
        await account.send(**{"amount_cents": 1000, "intent": ONE, **other})

    assert refused.value.param == "intent"
    assert refused.value.extra == {"transaction_id": first.topup.id, "status": "delivered"}
    assert (await account.send(1000, intent=OTHER)).topup.id != first.topup.id


async def test_a_replay_asks_no_rule_that_may_have_changed_but_the_key(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=50_000)
    child = await account.mint(parent=account.principal, per_day_cents=1000)
    first = await account.send(1000, intent=ONE, reference="r", principal=child)
    await account.send(49_000)

    again = await account.send(1000, intent=ONE, reference="r", principal=child)

    assert (again.topup, again.is_replay) == (first.topup, True)
    assert again.wallet_balance_cents == 950_000
    with pytest.raises(CapExceeded):
        await account.send(1000, intent=OTHER)
    # What was refused has not used up its intent.
    clock.advance_s(86_400)
    assert not (await account.send(1000, intent=OTHER)).is_replay
    await account.database.transaction(
        lambda tx: api_key.revoke(
            tx, child.tenant, child.credential_id, asker=None, now_us=clock.now_us()
        )
    )
    with pytest.raises(CredentialEnded):
        await account.send(1000, intent=ONE, principal=child)


async def test_what_waits_and_what_ended_is_shown_as_it_is(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    waiting = await account.send(100, to="approval@sandbox.test", intent=ONE)
    failed = await account.send(100, to="failed@sandbox.test", intent=OTHER)

    again = await account.send(100, to="approval@sandbox.test", intent=ONE)
    failed_again = await account.send(100, to="failed@sandbox.test", intent=OTHER)

    assert again.approval == waiting.approval is not None
    assert failed_again.topup == failed.topup
    assert failed_again.topup.status == "failed"
    await account.cancel(waiting.topup.id)
    ended = await account.send(100, to="approval@sandbox.test", intent=ONE)
    assert (ended.topup.status, ended.approval) == ("cancelled", None)


async def test_a_rehearsal_says_that_it_would_be_replayed(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    platforms = account.rules.platforms.of("staging")
    request = prepare(
        platforms,
        account_id=account.account_id,
        platform="claude",
        amount_cents=1000,
        recipient_email="user@example.com",
        intent=ONE,
    )
    rehearsal = Rehearsal(new_send(account.principal, request))
    before, _ = await account.engine.rehearse(rehearsal)
    await account.send(1000, intent=ONE)

    after, _ = await account.engine.rehearse(rehearsal)

    assert (before.would_be, after.would_be) == ("delivered", "replayed")
    assert after.wallet_balance_after_cents == after.wallet_balance_cents == 999_000


_NUMBERS = itertools.count()  # of the examples' accounts
_ASKS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from([ONE, OTHER]),
        strategies.sampled_from([100, 200]),
        strategies.integers(0, 3),  # whose key, in which process
        strategies.booleans(),  # together with the one before
    ),
    max_size=12,
)


@pytest.mark.one_database
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(asks=_ASKS)
async def test_any_order_of_asking_makes_one_top_up_for_each_intent(
    database: Database, asks: list[tuple[str, int, int, bool]]
) -> None:
    clock = FixedClock(1_780_000_000_000_000)
    account = await open_funded_account(database, clock, email=f"i{next(_NUMBERS)}@example.com")
    child = await account.mint(parent=account.principal)
    desks = [account, another_process(account)]
    done: list[tuple[str, int, Sent | BaseException]] = []
    waiting: list[tuple[str, int, asyncio.Future[Sent]]] = []
    for intent, cents, who, is_together in asks:
        if not is_together:
            done += await _ended(waiting)
        caller = child if who % 2 else account.principal
        asked = asyncio.ensure_future(desks[who // 2].send(cents, intent=intent, principal=caller))
        waiting.append((intent, cents, asked))
    done += await _ended(waiting)

    spent = 0
    for intent in {intent for intent, _, _ in done}:
        mine = [(cents, one) for asked, cents, one in done if asked == intent]
        sent = [one for _, one in mine if isinstance(one, Sent)]
        assert len({one.topup.id for one in sent}) == 1
        amount = sent[0].topup.amount_cents
        spent += amount
        assert all(isinstance(one, Sent if cents == amount else IntentUsed) for cents, one in mine)
    assert (await account.balance())["balance_cents"] == 1_000_000 - spent


async def _ended(
    waiting: list[tuple[str, int, asyncio.Future[Sent]]],
) -> list[tuple[str, int, Sent | BaseException]]:
    results = await asyncio.gather(*(asked for _, _, asked in waiting), return_exceptions=True)
    ended = [(one[0], one[1], result) for one, result in zip(waiting, results, strict=True)]
    waiting.clear()
    return ended
