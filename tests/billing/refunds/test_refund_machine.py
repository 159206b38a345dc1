"""Refunds, their notifications, disputes, failures and lost answers in any order: counted once, proven.

The model knows nothing of ledgers: what the vendor has made, what it has told, and what is disputed.
"""

import asyncio
import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.orders.order import Order
from billing.orders.refund import Refund
from billing.providers.abilities import RefundRequest
from billing.refunds.commands import ClaimRefund, RefundRefused
from billing.refunds.refunder import Refunder
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import InvalidInput
from store.open import open_database
from tests.support.buyer import Buyer, open_live_counter
from tests.support.refunding import Refunding, names_of, usd
from tests.support.vendor_refunds import VendorRefunds, providers_with

pytestmark = pytest.mark.long

CREDITS = 25_000_000
PAID = 2000
Deed = tuple[str, int]
deeds = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from([1, 500, 700, 2000])),
    st.tuples(st.sampled_from(["made", "refused", "answer lost", "request lost"]), st.just(0)),
    # A worker dies before it has sent the request, and after the answer before its commit.
    st.tuples(st.sampled_from(["died before", "died after"]), st.just(0)),
    st.tuples(st.sampled_from(["told", "told in sum", "failed"]), st.integers(0, 3)),
    st.tuples(st.sampled_from(["disputed", "won", "lost"]), st.sampled_from([300, 2000])),
    st.tuples(st.just("spend"), st.integers(1, CREDITS)),
)


@dataclass
class World:
    """The order, the vendor's books, and what it has told of them."""

    buyer: Buyer
    refunding: Refunding
    order: Order
    vendor: VendorRefunds
    refunder: Refunder
    clock: FixedClock
    asked: list[Refund] = field(default_factory=list)
    disputed: int = 0
    dispute: str = ""

    async def do(self, deed: Deed) -> None:
        name, amount = deed
        if name == "ask":
            await self._ask(amount)
        elif name in {"made", "refused", "answer lost", "request lost"}:
            self.vendor.fate = name  # type: ignore[assignment]
            await self.turn()
        elif name.startswith("died"):
            await self._die(is_sent=name == "died after")
        elif name == "failed" and amount < len(self.vendor.made):
            self.vendor.fail(list(self.vendor.made)[amount])
        elif name == "told" and amount < len(self.vendor.made):
            await self.tell(list(self.vendor.made)[amount])
        elif name == "told in sum":
            await self._tell_sum()
        else:
            await self._do_beside(name, amount)

    async def _do_beside(self, name: str, amount: int) -> None:
        """What has nothing to do with our refunds."""
        if name == "disputed" and not self.dispute:
            self.dispute, self.disputed = "open", amount
            await self.buyer.dispute(self.order, amount)
        elif name in {"won", "lost"} and self.dispute == "open":
            self.dispute = name
            await self.buyer.close_dispute(self.order, is_won=name == "won")
        elif name == "spend":
            held = await self.buyer.micros()
            micros = min(amount, held.get("wallet", 0))
            if micros:
                await self.buyer.spend(micros)

    async def _ask(self, amount: int) -> None:
        with contextlib.suppress(RefundRefused, InvalidInput):
            self.asked.append(await self.refunding.ask(self.order, amount, allow_owed=True))

    async def open(self) -> Refund | None:
        for one in self.asked:
            now = await self.refunding.now(one)
            if now.is_open:
                return now
        return None

    async def turn(self) -> None:
        """A worker's turn of the open refund, a little later."""
        self.clock.advance_s(1)
        one = await self.open()
        if one is not None:
            await self.refunder.check(one)

    async def _die(self, *, is_sent: bool) -> None:
        one = await self.open()
        if one is None:
            return
        at = self.clock.now_us() + 1
        named = ClaimRefund(**names_of(one), seen_checks_made=one.checks_made, next_check_at=at)
        asked = await self.buyer.engine.submit(named)
        if is_sent and one.checks_made == 0:
            self.vendor.fate = "made"
            request = RefundRequest(
                id=one.id,
                order_id=one.order_id,
                payment_ref=one.payment_ref,
                checkout_ref=None,
                price=one.price,
                paid=usd(PAID),
                reason=asked.refund.reason,
            )
            await self.vendor.refund(request)

    async def tell(self, number: str) -> None:
        fact = self.vendor.made[number].word.fact
        assert fact is not None
        await self.buyer._hear(self.order, fact)

    async def _tell_sum(self) -> None:
        """As charge.refunded tells: all that stands, in one sum."""
        stands = [one for one in self.vendor.made.values() if not one.is_failed]
        total = sum(one.word.fact.price.amount for one in stands if one.word.fact)
        if total:
            await self.buyer.refund(self.order, total, key="ch_1")

    async def settle(self) -> None:
        """Everybody has time: the worker has turns until nothing is open, the vendor tells all."""
        self.vendor.fate = "made"
        for _ in range(3):
            self.clock.advance_s(700)
            await self.turn()
        for number in self.vendor.made:
            await self.tell(number)

    async def check(self) -> None:
        """Nothing is negative, and what was given is held, spent, owed or gone."""
        stored, held = await self.buyer.now(self.order), await self.buyer.micros()
        assert all(micros > 0 for micros in held.values()), held
        has = held.get("wallet", 0) + held.get("held", 0) + held.get("used", 0)
        assert has - held.get("owed", 0) == CREDITS - stored.reversed_micros
        open_ = await self.open()
        assert (held.get("held", 0) > 0) <= (open_ is not None)
        # What is asked for and may be gone is never spendable beside what is owed.
        assert not (held.get("wallet", 0) and held.get("owed", 0))

    async def check_end(self) -> None:
        stands = [one for one in self.vendor.made.values() if not one.is_failed]
        refunded = sum(one.word.fact.price.amount for one in stands if one.word.fact)
        disputed = self.disputed if self.dispute in {"open", "lost"} else 0
        gone = min(PAID, refunded + disputed)
        stored = await self.buyer.now(self.order)
        assert stored.refunded_amount == gone
        assert stored.reversed_micros == ceil(Fraction(CREDITS * gone, PAID))
        assert await self.open() is None
        # No refund of ours is two at the vendor.
        ours = [one.ours for one in self.vendor.made.values()]
        assert len(ours) == len(set(ours))


async def _run(path: Path, plan: list[Deed], *, is_repeatable: bool) -> None:
    database = open_database(f"sqlite:///{path}")
    clock = FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))
    buyer = await open_live_counter(database, clock)
    order = await buyer.order()
    await buyer.pay(order)
    vendor = VendorRefunds(is_repeatable=is_repeatable)
    refunder = Refunder(database, clock, buyer.engine, providers_with(vendor, clock))
    world = World(buyer, Refunding(buyer), order, vendor, refunder, clock)
    for deed in plan:
        await world.do(deed)
        await world.check()
    await world.settle()
    await world.check_end()
    assert await buyer.account.findings() == []
    await buyer.engine.close()
    await database.close()


@given(plan=st.lists(deeds, min_size=3, max_size=14), is_repeatable=st.booleans())
@settings(max_examples=30, deadline=None)
def test_refunds_in_any_order_take_the_credit_once(
    sqlite_template: Path, plan: list[Deed], *, is_repeatable: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan, is_repeatable=is_repeatable))
