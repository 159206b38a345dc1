"""What the acts of balances, top-ups, approvals, vouchers and holds are asked for, and what they are about."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from billing.bulk import acts as bulk_acts
from billing.credits import code_acts, sandbox_acts
from billing.documents import acts as document_acts
from billing.fulfilment.reversal_acts import REVERSE
from billing.payments.order_acts import CREATE_ORDER
from billing.recipients.mail_acts import RESEND
from billing.reports import balance_acts, usage_acts
from billing.reports.attributed_statement import STATEMENT
from billing.reports.topup_receipt import RECEIPT
from billing.topups import (
    acts as topup_acts,
    approval_acts,
    send_acts,
    voucher_redemption as vouchers,
)
from billing.usage import hold_acts
from billing.usage.usage_acts import CHARGE
from kernel.ids import new_id
from keys.act import AnyAct
from tests.acts.objects import LAST
from tests.acts.sample import Sample
from tests.support.gateway import Gateway
from tests.support.redemption_codes import codes_of

# Without documents.set-details, which no key of staging may call.
MERCHANTS_ACTS: Final[Sequence[AnyAct]] = (
    *balance_acts.ACTS,
    balance_acts.CREDITS,
    *approval_acts.ACTS,
    document_acts.LIST,
    document_acts.CREDIT_NOTES,
    document_acts.DETAILS,
    *sandbox_acts.ACTS,
    CREATE_ORDER,
    *topup_acts.ACTS,
    *send_acts.ACTS,
    RECEIPT,
    STATEMENT,
    CHARGE,
    *usage_acts.ACTS,
    REVERSE,
    RESEND,
    # Without vouchers.show, which no command does: a code is worth money, and its arguments are seen.
    vouchers.REDEEM,
    code_acts.REDEEM,
    *hold_acts.ACTS,
    *bulk_acts.COMMANDS,
)
SEND: Final = {"platform": "claude", "amount_cents": 500, "recipient_email": "ann@acme.example"}
OWN: Final = {**SEND, "recipient_email": "{door}@acme.example"}
ITEM: Final = {**OWN, "reference": "{door}-1"}
RECORD: Final = {"description": "an answer", "credits": 5}


async def made_approval(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A send that waits for a person."""
    key = await gateway.key(account_id, name="asker", approval_threshold_cents=100)
    answer = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    return str(answer.json()["data"]["approval"]["id"])


async def sent(gateway: Gateway, account_id: str, _merchant: str, **more: Any) -> str:
    """A top-up, delivered unless `more` says when it is sent. Its code is a voucher."""
    key = await gateway.key(account_id, name="sender")
    answer = await gateway.call("POST", "/topup/send", key=key, json={**SEND, **more})
    LAST["voucher"] = str(answer.json()["data"]["voucher_code"])
    return str(answer.json()["transaction_id"])


async def scheduled(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A top-up that is sent later."""
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return await sent(gateway, account_id, "", send_at=later)


async def pending(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A top-up that its platform has not delivered."""
    return await sent(gateway, account_id, "", recipient_email="pending@sandbox.test")


async def to_redeem(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A voucher and a code, which a value of the samples names."""
    (LAST["code"],) = await codes_of(gateway, 1500)
    return await sent(gateway, account_id, "")


async def batch(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A bulk send of one top-up that is not delivered."""
    key = await gateway.key(account_id, name="payroll")
    item = {**SEND, "recipient_email": "pending@sandbox.test", "reference": new_id("ref")}
    answer = await gateway.call("POST", "/topup/bulk", key=key, json={"items": [item]})
    return str(answer.json()["data"]["id"])


async def held(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A hold of $0.50."""
    key = await gateway.key(account_id, name="meter")
    body = {"description": "a long answer", "credits": 500, "model": "gpt"}
    answer = await gateway.call("POST", "/holds", key=key, json=body)
    return str(answer.json()["data"]["id"])


async def used(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A charge of $0.005."""
    key = await gateway.key(account_id, name="meter")
    body = {"description": "an answer", "credits": 5, "model": "gpt"}
    answer = await gateway.call("POST", "/usage", key=key, json=body)
    return str(answer.json()["data"]["id"])


MAKERS: Final[Mapping[str, Callable[[Gateway, str, str], Awaitable[str]]]] = {
    "approvals": made_approval,
    "topups": sent,
    "topups.cancel": scheduled,
    "holds": held,
    "batches": batch,
    "sandbox.settle": pending,
}
# What is there before a call whose act is about no object.
BEFORE: Final[Mapping[str, Callable[[Gateway, str, str], Awaitable[str]]]] = {
    "topups.list": sent,
    "batches.list": batch,
    "usage.list": used,
    "vouchers.redeem": to_redeem,
    "codes.redeem": to_redeem,
}


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
    "sandbox.settle": (
        Sample({"outcome": "delivered"}),
        Sample({"outcome": "failed"}, is_of_new=True),
    ),
    "sandbox.fund": (Sample({"amount_cents": 500}, is_again=True),),
    "sandbox.clock": (Sample(),),
    "sandbox.advance": (Sample({"advance_s": 60}),),
    "orders.create": (
        Sample({"provider": "stripe", "amount_cents": 2_000}),
        Sample({"provider": "sandbox", "amount_cents": 500, "success_url": "https://a.example/x"}),
    ),
    "approvals.list": (Sample({"status": "pending", "limit": 1}), Sample({"status": "denied"})),
    "approvals.show": (Sample(), Sample({"wait_s": 1})),
    "approvals.approve": (Sample(),),
    "approvals.deny": (Sample(),),
    "balance.credits": (Sample({"limit": 1}), Sample()),
    "balance.platforms": (Sample(), Sample({"limit": 1})),
    "topups.list": (Sample({"status": "delivered", "limit": 1}), Sample({"reference": "none"})),
    "topups.show": (Sample(), Sample({"wait_s": 1})),
    "topups.cancel": (Sample(),),
    "topups.send": (
        Sample({**OWN, "reference": "{door}-0", "note": "for May", "metadata": {"team": "a"}}),
        Sample({**SEND, "recipient_email": "approval@sandbox.test"}),
        Sample({**SEND, "recipient_email": "pending@sandbox.test"}),
    ),
    "topups.validate": (
        Sample(OWN),
        Sample({"platform": "claude", "amount_cents": 500, "recipient": "self"}),
    ),
    "topups.receipt": (Sample(),),
    "balance.statement": (Sample(), Sample({"from": "2026-06-01T00:00:00Z"})),
    "usage.charge": (Sample({**RECORD, "model": "gpt"}), Sample({"records": [RECORD, {}]})),
    "usage.list": (Sample({"model": "gpt", "limit": 1}),),
    "usage.sums": (Sample({"group_by": "model"}),),
    "topups.reverse": (Sample({"reason": "a mistake"}, is_again=True),),
    "topups.resend": (Sample(),),
    "vouchers.redeem": (
        Sample({"code": "{voucher}"}),
        Sample({"code": "{voucher}", "settle": "external"}, is_of_new=True),
    ),
    "codes.redeem": (Sample({"code": "{code}"}), Sample({"code": "{voucher}"})),
    "holds.place": (
        Sample({"description": "a long answer", "credits": 500, "ttl_s": 60, "overage": "cap"}),
        Sample({"description": "another", "amount_micros": 1_000, "model": "gpt"}),
    ),
    "holds.list": (Sample({"open": True}),),
    "holds.show": (Sample(),),
    "holds.capture": (Sample({"credits": 300}), Sample(is_of_new=True)),
    "holds.extend": (Sample({"ttl_s": 3_600}), Sample()),
    "holds.release": (Sample(),),
    "batches.list": (Sample({"limit": 1}),),
    "batches.cancel": (Sample(),),
    "batches.send": (
        Sample({"items": [ITEM, {**ITEM, "platform": "clade", "reference": "{door}-2"}]}),
        Sample({"items": [{**ITEM, "reference": "{door}-3"}], "dry_run": True}),
    ),
    "batches.show": (Sample(), Sample({"status": "refused", "limit": 1})),
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
    "sandbox.settle": ({"outcome": "lost"}, {"outcome": "delivered"}),
    "sandbox.fund": ({"amount_cents": 0}, {"amount_cents": -1}, {}),
    "sandbox.advance": ({"advance_s": 0}, {"advance_s": 10**12}),
    "balance.wallets": ({"recipient_email": "nobody"}, {"cursor": "apr_1"}),
    "approvals.list": ({"status": "open"}, {"cursor": "key_1"}),
    "approvals.show": ({"wait_s": 51}, {"wait_s": -1}),
    "balance.credits": ({"cursor": "apr_1"},),
    "topups.list": (
        {"status": "open"},
        {"recipient_email": "nobody"},
        {"created_after": "yesterday"},
        {"cursor": "apr_1"},
    ),
    "topups.show": ({"wait_s": 51},),
    "topups.reverse": ({"reason": ""}, {"reason": "x\ny"}, {"reason": "x" * 201}, {}),
    "vouchers.redeem": (
        {"code": "{voucher}"},
        {"code": "ATU-0000-0000-0000-0000-0000"},
        {"code": "{voucher}", "settle": "x"},
    ),
    "codes.redeem": ({"code": "{voucher}"}, {"code": "{code}"}, {"code": "TOPUP-0000-0000-0000"}),
    "holds.place": (
        {"description": "", "credits": 5},
        {"description": "none"},
        {"description": "both", "credits": 5, "amount_micros": 5},
        {"description": "none", "credits": 0},
        {"description": "too long", "credits": 5, "ttl_s": 86_401},
        {"description": "odd", "credits": 5, "overage": "perhaps"},
    ),
    "holds.capture": (
        {"credits": 10**12},
        {"credits": 5, "input_tokens": 1, "output_tokens": 1},
        {"model": "gpt"},
        {"input_tokens": 1},
        {"credits": 5},
    ),
    "holds.extend": ({"ttl_s": 0},),
    "batches.list": ({"cursor": "apr_1"},),
    "batches.send": ({"items": []}, {"items": [{**ITEM, "platform": "clade", "reference": "x"}]}),
    "batches.show": ({"cursor": "apr_1"}, {"status": "lost"}),
    "topups.send": (
        {**OWN, "platform": "clade"},
        {**OWN, "amount_cents": 0},
        {**OWN, "recipient_email": "nobody"},
        {**OWN, "recipient": "self"},
        {**OWN, "reference": "{door}-0"},
        {**OWN, "quote_id": "qte_1"},
        {**OWN, "send_at": "2020-01-01T00:00:00Z"},
        {**SEND, "recipient_email": "failed@sandbox.test"},
    ),
    "topups.validate": (
        {**OWN, "platform": "clade"},
        {**SEND, "recipient_email": "insufficient@sandbox.test"},
    ),
    "balance.statement": ({"from": "2030-01-01T00:00:00Z"}, {"month": "2026-13"}),
    "usage.charge": (
        {"description": "none"},
        {"description": "both", "credits": 5, "amount_micros": 5},
        {"description": "none", "credits": 0},
        {"input_tokens": 1, "output_tokens": 1},
        {"records": []},
    ),
    "usage.list": ({"from": "yesterday"}, {"cursor": "apr_1"}),
    "usage.sums": ({"group_by": "colour"}, {"group_by": "day", "reference": "x"}),
}
