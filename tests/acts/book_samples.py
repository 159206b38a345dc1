"""What is asked of the operator's books: reports, prices of tokens, and reconciliation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.reconciliation import differences
from billing.reconciliation.differences import FoundDifference
from kernel.ids import new_id
from store.database import Transaction
from tests.acts.sample import Sample
from tests.support.gateway import Gateway

_PERIOD: Final = {"from": "2026-06-01T00:00:00Z", "to": "2090-01-01T00:00:00Z"}
_NO_LENGTH: Final = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}

PRICE: Final = {"model": "{door}-4o", "input": "2.50", "output": "10"}
FILE: Final = "model,input,output,cached\n{door}-1,1,2,0.5\n{door}-2,3,10,\n"


async def difference(gateway: Gateway, account_id: str, _token: str) -> str:
    """An order of $20.00 that is credited, and whose provider knows no payment."""
    order_id, now_us = new_id("ord"), gateway.context.clock.now_us()
    found = FoundDifference("credited_not_paid", order_id, 2000, 0, "USD", "said", account_id)

    async def work(tx: Transaction) -> str:
        await differences.note_found(tx, "staging", "provider:stripe", [found], now_us=now_us)
        (newest,) = await differences.page(tx, "staging", limit=1)
        return newest.id

    return await gateway.context.database.transaction(work)


MAKERS: Final = {"reconciliation": difference}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "prices.set": (
        Sample(PRICE, is_again=True),
        Sample({**PRICE, "model": "{door}-1/one two*", "cached": "1.25"}),
    ),
    "prices.import": (
        Sample({"file": FILE}, is_again=True),
        Sample(
            {"file": FILE, "whole": True},
            after="prices.import",
            first={"file": "model,input,output\nold,1,2\n", "whole": True},
        ),
    ),
    "prices.withdraw": (
        Sample({"model": "gpt-4o"}, after="prices.set", first={**PRICE, "model": "gpt-4o"}),
    ),
    "prices.history": (Sample({"limit": 1}), Sample({"model": "none"})),
    "reconciliation.list": (Sample({"state": "closed"}), Sample({"limit": 1})),
    "reconciliation.parts": (Sample(),),
    "reconciliation.show": (Sample(),),
    "reconciliation.close": (Sample({"reason": "paid in cash"}),),
    "reconciliation.request": (Sample(),),
    # No provider of the sandbox has a list; tests/cli/operator/test_reconcile.py reads one.
    "reconciliation.compare": (),
    "report.breakage": (Sample(),),
    "report.margin": (Sample({"by": ["platform", "account"], "platform": "claude"}),),
    "report.outstanding": (Sample(_PERIOD),),
    "report.revenue": (Sample(_PERIOD),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "prices.set": (
        {**PRICE, "input": "x"},
        {**PRICE, "model": "a*b"},
        {**PRICE, "model": ""},
        {**PRICE, "cached": "-1"},
    ),
    "prices.import": ({"file": "model,input\n"}, {"file": "model,input,output\no1,x,2\n"}),
    "prices.history": ({"cursor": "key_1"},),
    "reconciliation.list": ({"state": "gone"}, {"cursor": "key_1"}),
    "reconciliation.close": ({"reason": ""}, {"reason": "closed before"}),
    "reconciliation.compare": (
        {"provider": "stripe", **_PERIOD},
        {"provider": "none", **_PERIOD},
        {"provider": "stripe", **_NO_LENGTH},
        {"provider": "stripe", "from": "soon"},
    ),
    "report.breakage": (_NO_LENGTH,),
    "report.margin": ({"by": ["planet"]}, _NO_LENGTH),
    "report.outstanding": ({"from": "2026-13"},),
    "report.revenue": (_NO_LENGTH, {"to": "soon"}),
}
