"""A key sends to so many different recipients in any seven days, whoever sends at once and whatever comes back.

The model keeps the sends that weren't given back, and counts their people again each time: it knows nothing of
buckets, rows or batches.
"""

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings, strategies as st

from billing.engine.engine import Engine
from billing.topups.reverse import Reverse
from billing.topups.send import Sent, new_send, prepare
from kernel.clock import DAY_US, SECOND_US, FixedClock, parse_rfc3339
from kernel.ids import new_id
from keys import caps
from keys.caps import CapExceeded
from keys.principal import Principal
from keys.sandbox_clock import advance
from store.database import Database
from tests.billing.engine.test_mandates import opened, refusal, standing
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account

DAY = 86_400
WEEK = 7 * DAY
# A send may count for one of 59 buckets longer than seven days.
SLACK = WEEK // 59 + 1
MOST = {"parent": 3, "child": 2}
PEOPLE = ("ana", "bo", "cy", "di", "ed")

sends = st.tuples(
    st.sampled_from(["parent", "child"]),
    st.sampled_from(PEOPLE),
    st.sampled_from(["", "+x"]),
    st.sampled_from(["claude", "slow"]),
    st.integers(0, 1),
)
# Sends, which of the earlier ones are given back meanwhile, the seconds to the next round, and whether the sandbox
# clock moves on instead of ours.
rounds = st.tuples(
    st.lists(sends, min_size=1, max_size=5),
    st.lists(st.integers(0, 30), max_size=3),
    st.sampled_from([0, 1, 3_600, DAY, 3 * DAY, WEEK - 1, WEEK, WEEK + SLACK]),
    st.booleans(),
)
Round = tuple[list[tuple[str, str, str, str, int]], list[int], int, bool]


@dataclass
class Spend:
    at: int
    who: str
    person: str
    topup_id: str
    platform: str


def people(spends: list[Spend], who: str, now: int, seconds: int) -> set[str]:
    """Who was sent to in those seconds; what the child sends counts for its parent."""
    return {one.person for one in spends if one.at > now - seconds and who in {"parent", one.who}}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(rounds, min_size=2, max_size=8))
async def test_no_schedule_reaches_more_people(database: Database, plan: list[Round]) -> None:
    clock = FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))
    account = await open_funded_account(
        database,
        clock,
        email=f"{new_id('acc')}@example.com",
        max_recipients_per_week=MOST["parent"],
    )
    child = await account.mint(parent=account.principal, max_recipients_per_week=MOST["child"])
    callers = {"parent": account.principal, "child": child}
    engines = (account.engine, open_engine(database, clock, account.rules))
    spends: list[Spend] = []
    ahead_s = 0
    for wanted, given_back, wait_s, is_moved in plan:
        now = clock.now_us() // SECOND_US + ahead_s
        gone = {number % len(spends) for number in given_back if spends}
        ends = [_give_back(account, spends[number]) for number in sorted(gone)]
        before = [one for number, one in enumerate(spends) if number not in gone]
        tries = [
            _send(account, engines[which], callers[who], f"{person}{plus}@example.com", platform)
            for who, person, plus, platform, which in wanted
        ]
        *outcomes, _ = await asyncio.gather(*tries, asyncio.gather(*ends))
        spends = list(before)
        for (who, person, _, platform, _), outcome in zip(wanted, outcomes, strict=True):
            assert isinstance(outcome, Sent | CapExceeded)
            if isinstance(outcome, Sent):
                spends.append(Spend(now, who, person, outcome.topup.id, platform))
                continue
            assert outcome.reason == "recipients_per_week"
            if len(wanted) == 1 and not gone:
                assert not _must_pass(before, who, person, now), outcome
        for who, most in MOST.items():
            assert len(people(spends, who, now, WEEK)) <= most
        for who, principal in callers.items():
            await _check_shown(account, principal, who, spends, now)
        if is_moved and wait_s:
            ahead_s += wait_s
            await _move(account, wait_s)
        else:
            clock.advance_s(wait_s)
    assert await account.findings() == []


def _must_pass(spends: list[Spend], who: str, person: str, now: int) -> bool:
    """Whether each limit has room by its widest reading, or knows the person by its narrowest."""
    bound = {"parent": ("parent",), "child": ("parent", "child")}[who]
    return all(
        person in people(spends, one, now, WEEK)
        or len(people(spends, one, now, WEEK + SLACK)) < MOST[one]
        for one in bound
    )


async def _check_shown(
    account: FundedAccount, principal: Principal, who: str, spends: list[Spend], now: int
) -> None:
    shown = (await standing(account, principal)).limits
    (limit,) = [one for one in shown if one.key_id == principal.key_id]
    least, most = (len(people(spends, who, now, each)) for each in (WEEK, WEEK + SLACK))
    assert (limit.cap, limit.unit, limit.limit) == ("recipients_per_week", "recipients", MOST[who])
    assert least <= limit.spent <= most


async def _send(
    account: FundedAccount, engine: Engine, who: Principal, to: str, platform: str
) -> Sent | CapExceeded:
    order = prepare(
        account.rules.platforms.of(who.environment),
        account_id=who.account_id,
        platform=platform,
        amount_cents=100,
        recipient_email=to,
    )
    try:
        return await engine.submit(new_send(who, order))
    except CapExceeded as refused:
        return refused


async def _move(account: FundedAccount, seconds: int) -> None:
    tenant = account.principal.tenant
    await account.database.transaction(lambda tx: advance(tx, tenant, advance_s=seconds))


async def _give_back(account: FundedAccount, one: Spend) -> None:
    """Reversed where it was delivered, else cancelled or failed."""
    if one.platform == "claude":
        await account.run(Reverse(one.topup_id, account.principal.tenant, "by mistake"))
    elif one.at % 2:
        await account.cancel(one.topup_id)
    else:
        await account.settle(one.topup_id, "failed")


async def test_whom_it_sent_to_this_week_it_may_send_to_again(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, max_recipients_per_week=2)
    await account.send(to="Ana@example.com")
    clock.advance_s(DAY)
    await account.send(to="bo@example.com")

    refused = await refusal(account.send(to="cy@example.com"))

    assert refused.reason == refused.extra["cap"] == "recipients_per_week"
    assert (refused.extra["limit"], refused.extra["remaining"]) == (2, 0)
    assert refused.extra["max_now_cents"] == 0
    assert refused.detail == "The key's weekly limit is 2 recipients, of which 0 are left."
    await account.send(to="ana+2@example.com")
    again = await standing(account)
    # Ana was sent to again, so Bo is the first to leave.
    later = await refusal(account.send(to="cy@example.com"))
    assert (again.limits[0].spent, again.max_now_cents) == (2, None)
    assert later.retry_after_s is not None
    assert WEEK < later.retry_after_s <= WEEK + SLACK
    clock.advance_s(later.retry_after_s - 1)
    await refusal(account.send(to="cy@example.com"))
    clock.advance_s(1)
    await account.send(to="cy@example.com")


async def test_a_send_that_comes_back_frees_a_place_only_if_it_was_the_only_one(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, max_recipients_per_week=1)
    child = await account.mint(parent=account.principal)
    first = await account.send(to="ana@example.com", platform="slow", principal=child)
    clock.advance_s(DAY)
    second = await account.send(to="ana@example.com", platform="slow")

    await account.cancel(first.topup.id)
    await refusal(account.send(to="bo@example.com"))
    await account.settle(second.topup.id, "failed")

    await account.send(to="bo@example.com", principal=child)
    await refusal(account.send(to="ana@example.com"))


async def test_a_first_send_at_two_engines_at_once_takes_the_last_place_once(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, max_recipients_per_week=4)
    engines = [open_engine(database, clock, account.rules) for _ in range(2)]

    outcomes = await asyncio.gather(
        *(
            _send(account, engines[number % 2], account.principal, f"p{number}@example.com", "slow")
            for number in range(20)
        )
    )

    assert sum(isinstance(one, Sent) for one in outcomes) == 4


@settings(max_examples=50)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 8 * DAY), st.booleans()), max_size=60
    )
)
def test_what_a_row_stores_is_bounded(steps: list[tuple[int, int, bool]]) -> None:
    """A recipient has a number for each of 60 buckets at most, and leaves the row once all have ended."""
    detail, now_us = caps.Detail(), DAY_US
    sent: list[tuple[int, caps.CounterRow]] = []
    for person, wait_s, is_back in steps:
        now_us += wait_s * SECOND_US
        if is_back and sent:
            at, named = sent.pop()
            (counted,) = caps.read_counted(caps.places_text([named]))
            assert counted.row == ("key_1", caps.RECIPIENTS, 0)
            counted.take_out(detail, "", 0, at=at, now_us=now_us)
        else:
            email = f"{person}@example.com"
            sent.append((now_us, caps.count_recipient("key_1", detail, email, now_us)))
            assert caps.has_recipient(detail, f"{person}+z@example.com", now_us)
        recent = {named for at, named in sent if at > now_us - (WEEK + SLACK) * SECOND_US}
        assert {one[1].partition("~")[2] for one in recent} >= set(detail.recipients)
        assert sum(detail.buckets.values()) == len(detail.recipients)
        assert all(len(buckets) <= 60 for buckets in detail.recipients.values())
        assert caps.read_detail(caps.detail_text(detail)) == detail
