"""What each act is asked for in the test of all doors: a call that succeeds, and calls that are refused.

`{door}` in a value is the door's own word, so that two doors make no object twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.acts import (
    account_samples as accounts,
    app_samples as apps,
    balance_samples as balances,
    book_samples as books,
    catalogue_samples as catalogue,
    review_samples as review,
    supply_samples as supply,
    webhook_samples as webhooks,
)
from tests.acts.sample import Sample

KEY: Final = {"name": "agent", "scopes": ["topup:send"], "per_day_cents": 5_000}
TOKEN: Final = {"kind": "system", "name": "deploys"}

# By subject: the act that makes the object which the other acts of the subject are about.
OBJECTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    **catalogue.OBJECTS,
    **supply.OBJECTS,
    **apps.OBJECTS,
    "keys": ("keys.create", KEY),
    "tokens": ("tokens.create", TOKEN),
}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    **catalogue.GOOD,
    **supply.GOOD,
    **webhooks.GOOD,
    **accounts.GOOD,
    **apps.GOOD,
    **balances.GOOD,
    **books.GOOD,
    **review.GOOD,
    "keys.create": (
        Sample(KEY),
        Sample(
            {
                "scopes": ["topup:send"],
                "preset": "agent",
                "per_day_cents": 100,
                "approval_above_per_day_cents": 50,
            }
        ),
        Sample(
            {
                "scopes": ["topup:read"],
                "windows": [{"seconds": 3_600, "cents": 500}],
                "platforms": ["claude"],
            }
        ),
    ),
    "keys.list": (Sample({"limit": 1}),),
    "keys.show": (Sample(),),
    "keys.set": (
        Sample({"per_day_cents": 700, "recipients": ["*@acme.example"]}, is_again=True),
        Sample({"per_day_cents": None}),
    ),
    "keys.rotate": (Sample({"overlap_s": 60}),),
    "keys.pause": (Sample(is_again=True),),
    "keys.resume": (Sample(is_again=True, after="keys.pause"),),
    "keys.revoke": (Sample(is_again=True),),
    "keys.tree": (Sample(),),
    "tokens.create": (Sample(TOKEN), Sample({"kind": "system"})),
    "tokens.list": (Sample({"kind": "system", "limit": 1}),),
    "tokens.show": (Sample(),),
    "tokens.revoke": (Sample(is_again=True),),
    "orders.list": (Sample({"status": "review", "provider": "stripe"}),),
    "orders.show": (Sample(),),
    "orders.problems": (
        Sample({"reason": "amount"}),
        Sample({"kind": "credited_unpaid", "limit": 1}),
    ),
    "orders.trace": (Sample(),),
    "orders.ask": (Sample(),),
    "orders.approve": (
        Sample({"amount": 1_900, "reason": "as paid"}),
        Sample({"amount": 2_000, "reason": "bank fees"}, is_of_new=True),
    ),
    "orders.reject": (Sample({"reason": "not ours"}),),
    "orders.refund": (
        Sample({"amount": 500, "reason": "half of it"}),
        Sample({"reason": "all", "made_at_provider": "re_{door}"}, is_of_new=True),
    ),
    "refunds.list": (Sample({"open": True, "status": "unknown"}), Sample({"limit": 1})),
    "refunds.show": (Sample(),),
    "refunds.decide": (
        Sample({"verdict": "not_made", "reason": "there is none"}),
        Sample(
            {"verdict": "made", "reason": "seen there", "provider_refund_id": "re_1"},
            is_of_new=True,
        ),
    ),
    "disputes.list": (Sample({"state": "ended"}), Sample()),
    "providers.list": (Sample(),),
    "providers.check": (Sample(), Sample({"provider": "stripe"})),
    "providers.forgotten": (Sample(),),
    "providers.retry": (Sample({"provider": "stripe"}),),
    "providers.drop": (Sample({"provider": "stripe", "reason": "gone"}),),
    "payments.list": (Sample({"state": "stuck"}), Sample({"state": "paid"})),
    "payments.show": (Sample(),),
    "payments.ask": (
        Sample(after="payments.decide", first={"verdict": "refused", "reason": "never used"}),
    ),
    "payments.decide": (
        Sample({"verdict": "refused", "reason": "never used"}),
        Sample({"verdict": "settled", "settlement": "0x{door}", "reason": "seen"}, is_of_new=True),
    ),
    "subscriptions.list": (
        Sample({"status": "active"}),
        Sample({"account": "merchant@example.com"}),
    ),
    "subscriptions.show": (Sample(),),
    "subscriptions.cancel": (Sample({"reason": "asked"}), Sample({"at": "now", "here": True})),
    "subscriptions.pause": (Sample({"reason": "away"}),),
    "subscriptions.resume": (Sample(after="subscriptions.pause"),),
    "subscriptions.change": (Sample({"plan_id": "plan-max"}),),
    "subscriptions.grant-period": (Sample({"reason": "a gift"}),),
    "subscriptions.revoke-period": (Sample({"period_id": "{period}", "reason": "a mistake"}),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    **catalogue.BAD,
    **supply.BAD,
    **webhooks.BAD,
    **accounts.BAD,
    **apps.BAD,
    **balances.BAD,
    **books.BAD,
    **review.BAD,
    "keys.create": (
        {"name": ""},
        {"scopes": ["everything"]},
        {"platforms": ["clade"]},
        {"per_day_cents": -1},
        {"preset": "agent"},
        {"windows": [{"seconds": 1, "cents": 5}]},
    ),
    "keys.set": ({"platforms": ["zzz"]}, {"per_day_cents": -1}, {"recipients": ["nobody"]}),
    "keys.rotate": ({"overlap_s": -1},),
    "tokens.create": (
        {**TOKEN, "name": ""},
        {"kind": "root"},
        {**TOKEN, "scopes": ["operator:read"]},
        {"kind": "operator", "scopes": ["everything"]},
    ),
    "tokens.list": ({"kind": "root"},),
    "orders.list": ({"status": "sold"}, {"account": "nobody@example.com"}, {"cursor": "key_1"}),
    "orders.problems": (
        {"kind": "odd"},
        {"reason": "odd"},
        {"kind": "credited_unpaid", "reason": "amount"},
        {"cursor": "key_1"},
    ),
    "orders.approve": (
        {"amount": 1_900, "reason": ""},
        {"amount": 1_900},
        {"amount": 1_900, "reason": "x" * 201},
        {"reason": "decided before"},
    ),
    "orders.refund": (
        {"amount": 500},
        {"amount": 500, "pay_currency": "JPY", "reason": "x"},
        {"amount": 9_999, "reason": "x"},
        {"reason": "gone before"},
    ),
    "orders.reject": ({}, {"reason": "x\ny"}, {"reason": "decided before"}),
    "refunds.decide": (
        {"verdict": "perhaps", "reason": "x"},
        {"verdict": "made", "reason": ""},
        {"verdict": "made"},
        {"verdict": "made", "reason": "decided before"},
    ),
    "refunds.list": ({"status": "made"}, {"cursor": "ord_1"}),
    "disputes.list": ({"state": "won"}, {"cursor": "stripe/none"}),
    "providers.check": ({"provider": "none"},),
    "providers.retry": ({}, {"provider": "creem"}),
    "providers.drop": (
        {"provider": "stripe"},
        {"provider": "stripe", "reason": "x" * 201},
        {"provider": "stripe", "reason": "dropped before"},
    ),
    "payments.decide": (
        {"verdict": "unknown", "reason": "x"},
        {"verdict": "settled", "reason": "x"},
        {"verdict": "refused", "settlement": "0xa", "reason": "x"},
        {"verdict": "refused", "reason": "x" * 1_001},
        {"verdict": "refused"},
        {"verdict": "refused", "reason": "ended before"},
    ),
    "payments.list": ({"state": "lost"}, {"cursor": "ord_1"}),
    "subscriptions.list": ({"status": "ended"}, {"cursor": "ord_1"}),
    "subscriptions.cancel": ({"at": "soon"}, {"reason": "x" * 301}),
    "subscriptions.pause": (
        {"resumes_at": "2020-01-01T00:00:00Z"},
        {"resumes_at": "soon"},
    ),
    "subscriptions.change": ({"plan_id": "none"}, {"plan_id": "plan-max", "interval": "week"}),
    "subscriptions.grant-period": ({"reason": ""}, {"reason": "paid already"}),
    "subscriptions.revoke-period": (
        {"reason": "", "period_id": "per_1"},
        {"reason": "x", "period_id": "per_1"},
    ),
}
