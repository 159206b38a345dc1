"""Facts about an order in any order, repeated and at once: credited once, never negative, proven.

The model knows nothing of ledgers: whether the order is settled, and what is gone of its payment.
"""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.ledger.price import Price
from billing.orders.order import Order
from kernel.clock import FixedClock, parse_rfc3339
from store.open import open_database
from tests.support.buyer import Buyer, open_live_counter
from tests.support.told_amounts import overstatements

pytestmark = pytest.mark.long

Fact = tuple[str, str, int]
CREDITS = 25_000_000
keys = st.sampled_from(["a", "b"])
amounts = st.sampled_from([1, 333, 700, 1500, 2000, 5000])
facts = st.one_of(
    st.tuples(st.just("paid"), st.sampled_from(["pi_1", "pi_1", "pi_2"]), st.just(0)),
    st.tuples(st.just("paid wrongly"), st.just("pi_3"), st.just(0)),
    st.tuples(st.sampled_from(["failed", "expired"]), st.just(""), st.just(0)),
    st.tuples(st.just("refund"), keys, amounts),
    # One refund by itself, always of the same sum, and that it failed.
    st.tuples(st.sampled_from(["part", "part failed"]), keys, st.just(700)),
    st.tuples(st.just("dispute"), keys, amounts),
    st.tuples(st.sampled_from(["won", "lost"]), keys, st.just(0)),
    st.tuples(st.just("spend"), st.just(""), st.integers(1, CREDITS)),
    st.tuples(st.sampled_from(["approve", "reject"]), st.just(""), st.just(0)),
)
plans = st.lists(st.lists(facts, min_size=1, max_size=4), min_size=2, max_size=8)


@dataclass
class Model:
    """What must have become of the order; amounts in its pay_currency."""

    pay_amount: int
    paid_amount: int
    status: str = "pending"
    payment: str = ""
    gone: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, str] = field(default_factory=dict)
    parts: dict[str, bool] = field(default_factory=dict)

    def hear(self, fact: Fact) -> None:
        name, key, amount = fact
        if name in {"paid", "paid wrongly"}:
            if self.status in {"pending", "failed", "expired"} and key != self.payment:
                self.status = "settled" if name == "paid" else "review"
                self.payment = key
                self.paid_amount = self.pay_amount + (name != "paid")
        elif name in {"failed", "expired"}:
            self.status = name if self.status == "pending" else self.status
        elif name in {"approve", "reject"} and self.status == "review":
            self.status = "settled" if name == "approve" else "failed"
        elif name in {"refund", "dispute"}:
            seen = f"{name[0]}{key}"
            # A fact of before the payment is held to the price.
            self.gone[seen] = max(self.gone.get(seen, 0), min(amount, self.paid_amount))
        elif name == "part":
            self.parts.setdefault(key, True)
        elif name == "part failed":
            self.parts[key] = False
        elif name in {"won", "lost"}:
            self.disputes.setdefault(f"d{key}", name)

    @property
    def returned_amount(self) -> int:
        disputed = [
            sum_
            for key, sum_ in self.gone.items()
            if key.startswith("d") and self.disputes.get(key) != "won"
        ]
        sums = sum(sum_ for key, sum_ in self.gone.items() if key.startswith("r"))
        stand = sum(700 for stands in self.parts.values() if stands)
        failed = sum(700 for stands in self.parts.values() if not stands)
        return min(max(stand, sums - failed, 0) + sum(disputed), self.paid_amount)

    @property
    def is_disputed(self) -> bool:
        return any(key.startswith("d") and key not in self.disputes for key in self.gone)


async def _tell(buyer: Buyer, order: Order, fact: Fact) -> None:
    name, key, amount = fact
    if name == "paid":
        await buyer.pay(order, key)
    elif name == "paid wrongly":
        await buyer.pay(order, key, price=Price(order.pay_amount + 1, "USD"))
    elif name in {"failed", "expired"}:
        await buyer.end(order, "failed" if name == "failed" else "expired")
    elif name == "refund":
        await buyer.refund(order, amount, key=f"ch_{key}")
    elif name == "part":
        await buyer.refund(order, amount, key=f"re_{key}", kind="part")
    elif name == "part failed":
        await buyer.fail_refund(order, amount, key=f"re_{key}", kind="part")
    elif name == "dispute":
        await buyer.dispute(order, amount, key=f"dp_{key}")
    else:
        await buyer.close_dispute(order, is_won=name == "won", key=f"dp_{key}")


async def _step(buyer: Buyer, order: Order, model: Model, group: list[Fact]) -> None:
    """One batch of facts; what no provider tells is done by itself afterwards."""
    by_provider = [fact for fact in group if fact[0] not in {"spend", "approve", "reject"}]
    for fact in by_provider:
        model.hear(fact)
    await asyncio.gather(*(_tell(buyer, order, fact) for fact in by_provider))
    for fact in group:
        if fact[0] == "spend":
            held = await buyer.micros()
            micros = min(fact[2], held.get("wallet", 0) + held.get("grant", 0))
            if micros:
                await buyer.spend(micros)
        elif fact[0] in {"approve", "reject"} and model.status == "review":
            await buyer.resolve(order, "approve" if fact[0] == "approve" else "reject")
            model.hear(fact)


async def _check(buyer: Buyer, order: Order, model: Model) -> None:
    stored, held = await buyer.now(order), await buyer.micros()
    assert all(micros > 0 for micros in held.values()), held
    has_credit = held.get("wallet", 0) + held.get("grant", 0) + held.get("used", 0)
    if model.status != "settled":
        assert (stored.status, held) == (model.status, {})
        return
    gone = model.returned_amount
    reversed_micros = ceil(Fraction(CREDITS * gone, model.paid_amount))
    assert (stored.refunded_amount, stored.reversed_micros) == (gone, reversed_micros)
    assert has_credit - held.get("owed", 0) == CREDITS - reversed_micros
    # What went out of each source is what is left to it, never less than nothing.
    sources = held.get("provider", 0) + held.get("promotion", 0)
    assert sources == CREDITS - reversed_micros
    assert held.get("promotion", 0) <= order.promotional_micros
    if model.is_disputed:
        assert stored.status == "disputed"
    elif gone:
        is_whole = gone == model.paid_amount
        assert stored.status == ("refunded" if is_whole else "partially_refunded")
    else:
        assert stored.status == "paid"


async def _run(path: Path, plan: list[list[Fact]], percent: int) -> None:
    database = open_database(f"sqlite:///{path}")
    clock = FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))
    buyer = await open_live_counter(database, clock)
    coupon = {}
    if percent:
        await buyer.coupon(percent=percent)
        coupon = {"coupon": "SUMMER"}
    order = await buyer.order(**coupon)
    model = Model(order.pay_amount, order.pay_amount)
    for group in plan:
        await _step(buyer, order, model, group)
        await _check(buyer, order, model)
    assert await buyer.account.findings() == []
    assert await database.read(overstatements) == []
    await buyer.engine.close()
    await database.close()


@given(plan=plans, percent=st.sampled_from([0, 25, 50]))
@settings(max_examples=40, deadline=None)
def test_facts_in_any_order_credit_once_and_balance(
    sqlite_template: Path, plan: list[list[Fact]], percent: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan, percent))
