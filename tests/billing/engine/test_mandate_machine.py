"""No schedule of sends, cancellations, refusals and reversals breaks a limit, whoever sends at once.

The model keeps a list of what was accepted and is not given back, and adds it up anew each time: it knows
nothing of buckets, rows or batches. Parent and child send at once, so that batches of every mix decide.
Time passes by itself or by the sandbox clock; the model has the account's.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from billing.topups.reverse import Reverse
from billing.topups.send import Sent
from kernel.clock import FixedClock, parse_rfc3339
from kernel.ids import new_id
from keys.caps import CapExceeded
from keys.mandate import SpendWindow
from keys.principal import Principal
from keys.sandbox_clock import advance
from store.database import Database
from tests.support.funded_account import FundedAccount, open_funded_account

DAY = 86_400
RECIPIENTS = ("ana@example.com", "ana+x@example.com", "bo@example.com")
PARENT: dict[str, Any] = {
    "per_day_cents": 4_200,
    "lifetime_cents": 4_500,
    "windows": [SpendWindow(60, 2_500), SpendWindow(3_600, 4_000)],
    "per_recipient_per_day_cents": 3_000,
}
CHILD: dict[str, Any] = {"windows": [SpendWindow(600, 1_500)], "max_sends_per_hour": 4}
# (seconds, cents) of each: of both keys together, and of the child alone.
TOGETHER, ALONE = ((60, 2_500), (3_600, 4_000)), ((600, 1_500),)
# A window may hold a spend for one of 59 buckets longer than it says.
SLACK = 59

# Sends, which of the earlier ones are given back meanwhile, the seconds to the next round, and whether it is the
# sandbox clock that moves on.
Round = tuple[list[tuple[str, int, str, str]], list[int], int, bool]
# So that each plan ends with something given back long ago, and more wanted than there is.
AT_LAST: list[Round] = [
    ([("parent", 1_500, "ana@example.com", "claude")], [], DAY, True),
    ([("parent", 1_500, "bo@example.com", "slow")], [], DAY, False),
    ([], [0], DAY, True),
    (
        [("parent", 1_000, "ana@example.com", "claude"), ("child", 900, "bo@example.com", "slow")],
        [],
        DAY,
        True,
    ),
    ([("parent", 1_500, "bo@example.com", "claude")], [], DAY, False),
    ([("parent", 1_200, "ana@example.com", "claude")] * 3, [], 0, False),
]
sends = st.tuples(
    st.sampled_from(["parent", "child"]),
    st.integers(1, 25).map(lambda hundreds: hundreds * 100),
    st.sampled_from(RECIPIENTS),
    st.sampled_from(["claude", "slow"]),
)
rounds = st.tuples(
    st.lists(sends, min_size=1, max_size=5),
    st.lists(st.integers(0, 30), max_size=3),
    st.sampled_from([0, 0, 1, 30, 59, 60, 61, 62, 599, 600, 611, 3_600, 3_662, DAY]),
    st.booleans(),
)


@dataclass
class Spend:
    at: int
    who: str
    cents: int
    person: str
    topup_id: str
    platform: str
    is_back: bool = False


class Model:
    """Cents, by the second."""

    def __init__(self) -> None:
        self.spends: list[Spend] = []

    def held(self, who: set[str], now: int, seconds: int, slack: int = 0) -> int:
        return sum(
            one.cents
            for one in self.spends
            if one.who in who and not one.is_back and one.at > now - seconds - slack
        )

    def today(self, now: int) -> list[Spend]:
        return [one for one in self.spends if one.at // DAY == now // DAY and not one.is_back]

    def check(self, now: int) -> None:
        both = {"parent", "child"}
        for seconds, cents in TOGETHER:
            assert self.held(both, now, seconds) <= cents
        for seconds, cents in ALONE:
            assert self.held({"child"}, now, seconds) <= cents
        assert self.held(both, now, now + 1) <= 4_500
        for person in ("ana", "bo"):
            theirs = [one.cents for one in self.today(now) if one.person == person]
            assert sum(theirs) <= 3_000
        assert sum(one.cents for one in self.today(now)) <= 4_200
        hour = [one for one in self.spends if one.who == "child" and one.at > now - 3_600]
        assert len(hour) <= 4

    def must_pass(self, now: int, who: str, cents: int, person: str) -> bool:
        """Whether even the widest reading of every limit has room."""
        both = {"parent", "child"}
        today = self.today(now)
        hour = [one for one in self.spends if one.who == "child" and one.at > now - 3_600 - 62]
        rooms = [
            most - self.held(both, now, seconds, seconds // SLACK + 2) for seconds, most in TOGETHER
        ]
        rooms += [4_500 - self.held(both, now, now + 1), 4_200 - sum(one.cents for one in today)]
        rooms += [3_000 - sum(one.cents for one in today if one.person == person)]
        if who == "child":
            rooms += [most - self.held({who}, now, s, s // SLACK + 2) for s, most in ALONE]
        return min(rooms) >= cents and (who == "parent" or len(hour) < 4)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(rounds, min_size=2, max_size=7))
async def test_no_schedule_breaks_a_limit(database: Database, plan: list[Round]) -> None:
    clock = FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))
    account = await open_funded_account(
        database, clock, email=f"{new_id('acc')}@example.com", **PARENT
    )
    child = await account.mint(parent=account.principal, **CHILD)
    callers = {"parent": account.principal, "child": child}
    model = Model()
    ahead_s = 0
    for wanted, given_back, wait_s, is_moved in (*plan, *AT_LAST):
        now = clock.now_us() // 1_000_000 + ahead_s
        known = [one for one in model.spends if not one.is_back]
        chosen = {number % len(known): known[number % len(known)] for number in given_back if known}
        ends = [_give_back(account, one) for one in chosen.values()]
        tries = [
            _send(account, callers[who], cents, to, platform) for who, cents, to, platform in wanted
        ]
        *outcomes, _ = await asyncio.gather(*tries, asyncio.gather(*ends))
        for (who, cents, to, platform), outcome in zip(wanted, outcomes, strict=True):
            person = to[:3].strip("@+")
            if isinstance(outcome, Sent):
                topup_id = outcome.topup.id
                model.spends.append(Spend(now, who, cents, person, topup_id, platform))
            elif len(wanted) == 1 and not chosen:
                assert not model.must_pass(now, who, cents, person), outcome
        model.check(now)
        if is_moved and wait_s:
            ahead_s += wait_s
            await _move(account, wait_s)
        else:
            clock.advance_s(wait_s)
    assert await account.findings() == []


async def _send(
    account: FundedAccount, who: Principal, cents: int, to: str, platform: str
) -> Sent | CapExceeded:
    try:
        return await account.send(cents, to=to, platform=platform, principal=who)
    except CapExceeded as refused:
        return refused


async def _move(account: FundedAccount, seconds: int) -> None:
    tenant = account.principal.tenant
    await account.database.transaction(lambda tx: advance(tx, tenant, advance_s=seconds))


async def _give_back(account: FundedAccount, one: Spend) -> None:
    """Reversed where it was delivered, else cancelled or failed."""
    if one.platform == "claude":
        await account.run(Reverse(one.topup_id, account.principal.tenant, "by mistake"))
    elif one.cents % 200:
        await account.cancel(one.topup_id)
    else:
        await account.settle(one.topup_id, "failed")
    one.is_back = True
