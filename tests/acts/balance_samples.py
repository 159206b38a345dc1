"""What the acts of balances and approvals are asked for, and an approval that waits."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from billing.credits import sandbox_acts
from billing.documents import acts as document_acts
from billing.payments.purchase_acts import CREATE_ORDER
from billing.reports import balance_acts
from billing.topups import approval_acts
from keys.act import AnyAct
from tests.acts.sample import Sample
from tests.support.gateway import Gateway

# Without documents.set-details, which no key of staging may call.
MERCHANTS_ACTS: Final[Sequence[AnyAct]] = (
    *balance_acts.ACTS,
    *approval_acts.ACTS,
    document_acts.LIST,
    document_acts.CREDIT_NOTES,
    document_acts.DETAILS,
    *sandbox_acts.ACTS,
    CREATE_ORDER,
)


async def made_approval(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A send that waits for a person."""
    key = await gateway.key(account_id, name="asker", approval_threshold_cents=100)
    body = {"platform": "claude", "amount_cents": 500, "recipient_email": "ann@acme.example"}
    answer = await gateway.call("POST", "/topup/send", key=key, json=body)
    return str(answer.json()["data"]["approval"]["id"])


GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "balance.show": (Sample(),),
    "balance.watch": (
        Sample({"low_balance_threshold_cents": 500}),
        Sample({"low_balance_thresholds_cents": [700, 300]}, is_again=True),
        Sample({"low_balance_threshold_cents": 0}),
    ),
    "balance.wallets": (Sample({"platform": "claude", "limit": 1}), Sample()),
    "documents.list": (
        Sample({"kind": "receipt", "limit": 1}),
        Sample({"dated_after": "2026-06-13T11:00:00Z", "order_id": "ord_0000000000000000"}),
    ),
    "documents.credit-notes": (Sample(), Sample({"limit": 1})),
    "documents.details": (Sample(),),
    "sandbox.fund": (Sample({"amount_cents": 500}, is_again=True),),
    "sandbox.clock": (Sample(),),
    "sandbox.advance": (Sample({"advance_s": 60}),),
    "orders.create": (
        Sample({"provider": "stripe", "amount_cents": 2_000}),
        Sample({"provider": "sandbox", "amount_cents": 500, "success_url": "https://a.example/x"}),
    ),
    "approvals.list": (Sample({"status": "pending", "limit": 1}), Sample({"status": "denied"})),
    "approvals.show": (Sample(), Sample({"wait_s": 1})),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "orders.create": (
        {"provider": "none", "amount_cents": 2_000},
        {"provider": "stripe"},
        {"provider": "stripe", "amount_cents": 1},
        {"provider": "stripe", "pack_id": "none"},
        {"provider": "stripe", "amount_cents": 2_000, "save_payment_method": True},
    ),
    "balance.watch": (
        {},
        {"low_balance_threshold_cents": -1},
        {"low_balance_threshold_cents": 5, "low_balance_thresholds_cents": [5]},
        {"low_balance_thresholds_cents": [0]},
    ),
    "documents.list": ({"kind": "bill"}, {"cursor": "ord_1"}, {"dated_after": "yesterday"}),
    "sandbox.fund": ({"amount_cents": 0}, {"amount_cents": -1}, {}),
    "sandbox.advance": ({"advance_s": 0}, {"advance_s": 10**12}),
    "balance.wallets": ({"recipient_email": "nobody"}, {"cursor": "apr_1"}),
    "approvals.list": ({"status": "open"}, {"cursor": "key_1"}),
    "approvals.show": ({"wait_s": 51}, {"wait_s": -1}),
}
