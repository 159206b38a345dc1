"""Whatever is charged, held, captured, released or left to expire, in whatever order and with
whatever clock: the batch's state agree with a model that only counts.

The model knows nothing of batches, transfers or tables. Commands are submitted in groups, so that
batches of every mix are decided; each group is decided in the order in which it was submitted.
"""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.usage.hold import Held
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import DomainError
from keys.sandbox_clock import advance
from store.open import open_database
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.usage import (
    balances,
    capture,
    grant,
    hold,
    release,
    spent_micros,
    sweep,
    use,
)

pytestmark = pytest.mark.long

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
OPENING = 10_000_000_000
CAP_CENTS = 800_000  # 8,000,000,000 micros a day

Action = tuple[str, int, int]
amounts = st.one_of(st.integers(1, 2000), st.integers(1, 6_000_000_000))
commands = st.one_of(
    st.tuples(st.just("use"), amounts, st.just(0)),
    st.tuples(st.just("hold"), amounts, st.integers(1, 86_400)),
    st.tuples(st.just("hold"), amounts, st.integers(1, 86_400)),
    st.tuples(st.just("capture"), st.integers(0, 9), amounts),
    st.tuples(st.just("release"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("grant"), amounts, st.integers(1, 86_400)),
)
moments = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 90_000), st.just(0)),
    st.tuples(st.just("advance"), st.integers(1, 90_000), st.just(0)),
    st.tuples(st.just("sweep"), st.just(0), st.just(0)),
)
plans = st.lists(
    st.one_of(st.lists(commands, min_size=1, max_size=6), moments.map(lambda one: [one])),
    max_size=12,
)


@dataclass
class Credit:
    """A grant; the wallet never ends."""

    expires_at: float
    left: int


@dataclass
class OpenHold:
    """Micros by where they were taken; status as the API calls it."""

    parts: list[tuple[Credit, int]]
    day: int
    expires_at: int
    status: str = "held"


@dataclass
class Model:
    """Micros and microseconds; what is not covered changes nothing."""

    now: int
    ahead: int = 0
    used: int = 0
    grants: list[Credit] = field(default_factory=list)
    wallet: Credit = field(default_factory=lambda: Credit(float("inf"), OPENING))
    holds: dict[str, OpenHold] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def take(self, micros: int) -> list[tuple[Credit, int]] | None:
        alive = [one for one in self.grants if one.expires_at > self.now + self.ahead]
        sources = [*sorted(alive, key=lambda one: one.expires_at), self.wallet]
        day = (self.now + self.ahead) // DAY_US
        is_capped = self.spent[day] + micros > CAP_CENTS * 10_000
        if is_capped or sum(one.left for one in sources) < micros:
            return None
        self.spent[day] += micros
        parts = []
        for source in sources:
            part = min(micros, source.left)
            source.left -= part
            micros -= part
            parts += [(source, part)] if part else []
        return parts

    def end(self, held: OpenHold, status: str, micros: int) -> bool:
        is_over = held.expires_at <= self.now + self.ahead
        if held.status != "held" or is_over is not (status == "expired"):
            return False
        if micros > sum(part for _, part in held.parts):
            return False
        held.status = status
        self.used += micros
        for source, part in held.parts:
            captured = min(micros, part)
            micros -= captured
            source.left += part - captured
            self.spent[held.day] -= part - captured
        return True

    def sweep(self) -> None:
        for held in self.holds.values():
            self.end(held, "expired", 0)
        for one in self.grants:
            one.left = one.left if one.expires_at > self.now + self.ahead else 0

    def follow(self, action: Action, target: str | None, outcome: object) -> None:
        """Does the same, and agrees on whether it could be done."""
        name, number, more = action
        if name == "grant":
            self.grants.append(Credit(self.now + more * SECOND_US, number))
            return
        if name in {"use", "hold"}:
            parts = self.take(number)
            is_done = parts is not None
            self.used += number if parts is not None and name == "use" else 0
            if parts is not None and isinstance(outcome, Held):
                own_now = self.now + self.ahead
                expires_at = own_now + more * SECOND_US
                self.holds[outcome.hold.id] = OpenHold(parts, own_now // DAY_US, expires_at)
        else:
            status = "captured" if name == "capture" else "released"
            is_done = target is not None and self.end(self.holds[target], status, more)
        assert is_done is not isinstance(outcome, DomainError), (action, outcome)


async def _do(account: FundedAccount, action: Action, target: str | None) -> object:
    name, number, more = action
    try:
        if name == "use":
            return await use(account, number)
        if name == "hold":
            return await hold(account, number, ttl_s=more)
        if name == "capture":
            return await capture(account, target or "hld_none", more)
        if name == "release":
            return await release(account, target or "hld_none")
        await grant(account, number, expires_at=account.clock.now_us() + more * SECOND_US)
    except DomainError as refusal:
        return refusal
    return None


async def _pass_time(account: FundedAccount, model: Model, action: Action) -> None:
    name, seconds, _ = action
    if name == "sweep":
        # What an expired hold gives back may have run out itself.
        while await sweep(account):
            pass
        model.sweep()
    elif name == "wait":
        account.clock.advance_s(seconds)
        model.now += seconds * SECOND_US
    else:
        tenant = account.principal.tenant
        await account.database.transaction(lambda tx: advance(tx, tenant, advance_s=seconds))
        model.ahead += seconds * SECOND_US


async def _run(path: Path, plan: list[list[Action]]) -> None:
    database = open_database(f"sqlite:///{path}")
    clock = FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))
    account = await open_funded_account(database, clock, per_day_cents=CAP_CENTS)
    model = Model(clock.now_us())
    for group in plan:
        if group[0][0] in {"wait", "advance", "sweep"}:
            await _pass_time(account, model, group[0])
            continue
        ids = list(model.holds)
        targets = [ids[number % len(ids)] if ids else None for _, number, _ in group]
        outcomes = await asyncio.gather(*map(_do, [account] * len(group), group, targets))
        for action, target, outcome in zip(group, targets, outcomes, strict=True):
            model.follow(action, target, outcome)
        assert await account.findings() == []
    found = await balances(account)
    assert found["wallet"] == model.wallet.left
    assert found.get("grant", 0) == sum(one.left for one in model.grants)
    assert found.get("used", 0) == model.used
    assert found.get("held", 0) == sum(
        part for one in model.holds.values() if one.status == "held" for _, part in one.parts
    )
    spent = await spent_micros(account, account.principal)
    assert {day: micros for day, micros in model.spent.items() if micros} == {
        int(name.split()[1]): micros
        for name, micros in spent.items()
        if name.startswith("day") and micros
    }
    assert await account.findings() == []
    await account.engine.close()
    await database.close()


@given(plan=plans)
@settings(max_examples=60, deadline=None)
def test_any_mix_of_charges_and_holds_agrees_with_the_model(
    sqlite_template: Path, plan: list[list[Action]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan))
