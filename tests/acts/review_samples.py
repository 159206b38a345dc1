"""Samples of manual review, and the top-ups that wait for it; see samples.py."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from billing.fulfilment.platform_acts import CREATE_PLATFORM
from billing.manual_review.supplier_acts import CREATE_SUPPLIER
from billing.topups.fulfilment import BeginSupplierCall, Settle
from billing.topups.platform import Source
from billing.topups.topup import Deliverable
from kernel.tenant import Tenant
from store.database import Transaction
from tests.acts.sample import Sample
from tests.support.gateway import Gateway
from tests.support.operator_acts import act_in
from worker.topups import Fulfiller

# By platform: its suppliers, with the kind of each.
_HTTP: Final[dict[str, Any]] = {
    "options": {"url": "https://own.example/topup"},
    "secrets": {"secret": f"whsec_{'MDEy' * 11}"},
}
_SHOPS: Final = {"handmade": {"by-hand": "manual", "cards": "code_stock"}, "dear": {"own": "http"}}


async def made_task(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A top-up that an operator is to do by hand."""
    topup_id = await _sent(gateway, account_id, "handmade")
    context = gateway.context
    await Fulfiller(context.database, context.clock, context.engine, context.suppliers).step()
    return topup_id


async def made_doubt(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A top-up whose supplier handed over a code at an implausible cost."""
    topup_id = await _sent(gateway, account_id, "dear")
    engine, tenant = gateway.context.engine, Tenant(account_id, "staging")
    later = gateway.context.clock.now_us() + 60_000_000
    source, email = Source("own", "http"), "user@example.com"
    await engine.submit(BeginSupplierCall(topup_id, tenant, 0, later, source, email))
    given = Deliverable("code", f"GIFT-{topup_id}", "https://vendor.example/redeem")
    word = Settle(topup_id, tenant, "delivered", given=given, by="own", cost_cents=1001)
    await engine.submit(word)
    return topup_id


async def made_delivery(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A delivered top-up that nobody used."""
    return await _sent(gateway, account_id, "claude")


async def _sent(gateway: Gateway, account_id: str, platform: str) -> str:
    await gateway.context.database.transaction(lambda tx: _open(tx, gateway, platform))
    await gateway.context.suppliers.refresh()
    body = {"platform": platform, "amount_cents": 1000, "recipient_email": "user@example.com"}
    key = await gateway.key(account_id)
    sent = await gateway.call("POST", "/topup/send", key=key, json=body)
    return str(sent.json()["transaction_id"])


async def _open(tx: Transaction, gateway: Gateway, platform: str) -> None:
    """Add the platform with its suppliers, once."""
    known = await tx.fetch("SELECT id FROM platforms WHERE environment = 'staging'")
    if platform in {row["id"] for row in known}:
        return
    more: dict[str, Any] = {
        "master": gateway.context.vault,
        "now_us": gateway.context.clock.now_us(),
    }
    for supplier, kind in _SHOPS[platform].items():
        given = _HTTP if kind == "http" else {}
        await act_in(tx, CREATE_SUPPLIER, id=supplier, kind=kind, **given, **more)
    suppliers = list(_SHOPS[platform])
    await act_in(tx, CREATE_PLATFORM, id=platform, name=platform, suppliers=suppliers, **more)


MAKERS: Final[Mapping[str, Callable[[Gateway, str, str], Awaitable[str]]]] = {
    "manual-review": made_task,
    "manual-review.retry": made_doubt,
    "manual-review.not-done": made_doubt,
    "manual-review.seen": made_doubt,
    "manual-review.reverse": made_delivery,
}
_CODE: Final = {"kind": "code", "value": "GIFT-{door}-7Q3X-9KVM"}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "manual-review.list": (Sample({"view": "failed", "limit": 1}), Sample({"older_than_h": 4})),
    "manual-review.show": (Sample(),),
    "manual-review.take": (Sample(), Sample({"reason": "mine"}, is_of_new=True)),
    "manual-review.give-back": (Sample({"reason": "ill"}, after="manual-review.take"),),
    "manual-review.settle": (
        Sample(_CODE),
        Sample({"kind": "credit", "reason": "on their bill"}, is_of_new=True),
    ),
    "manual-review.refuse": (Sample({"reason": "sold out"}),),
    "manual-review.fail": (Sample({"reason": "no such user"}),),
    "manual-review.switch": (Sample({"to": "cards", "reason": "by hand takes too long"}),),
    "manual-review.retry": (Sample({"reason": "they answer again"}),),
    "manual-review.not-done": (Sample({"reason": "not in their list"}),),
    "manual-review.seen": (Sample({"reason": "their second code is void"}),),
    "manual-review.reverse": (Sample({"reason": "sent to the wrong person"}),),
}
_REASONS: Final[Sequence[Mapping[str, Any]]] = ({}, {"reason": "x" * 201}, {"reason": "once more"})
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "manual-review.list": ({"view": "odd"}, {"older_than_h": -1}, {"cursor": "key_1"}),
    "manual-review.settle": (
        {},
        {"kind": "odd"},
        {"kind": "code"},
        {"kind": "credit", "value": "GIFT"},
        {"kind": "kept"},
        _CODE,
    ),
    "manual-review.refuse": _REASONS,
    "manual-review.fail": _REASONS,
    "manual-review.switch": ({"to": "cards"}, {"to": "none", "reason": "x"}),
    "manual-review.not-done": _REASONS,
    "manual-review.seen": (*_REASONS, {"reason": " "}),
    "manual-review.reverse": ({}, {"reason": "x" * 201}),
}
