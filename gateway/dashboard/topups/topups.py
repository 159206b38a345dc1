"""List top-ups, and show one with its history."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec
from starlette.responses import Response

from billing.credits.sandbox_acts import SETTLE
from billing.fulfilment.reversal_acts import REVERSE
from billing.reports.find_by_id import find_by_id
from billing.reports.topup_story import topup_story
from billing.topups import queries as history
from billing.topups.acts import CANCEL, LIST, SHOW, HistoryQuery, wanted_of
from gateway.api.topup_receipts import JOSE, RECEIPT_ROUTE
from gateway.dashboard.act import press
from gateway.dashboard.listing import COUNTED_MAX, Summed, Total
from gateway.dashboard.own_lists import CANCELS_EACH, ActOnAll, OwnList, Way
from gateway.dashboard.route import page_route
from gateway.dashboard.story import shown_story
from gateway.html.format import money
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import read_own, run_own, run_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.principal import ADMIN

PATH = "/dashboard/topups"
HTTP_NOT_FOUND: Final = 404
_READ = ("topup:read",)
_SEND = ("topup:send",)
_BILLING = ("billing:read",)
_REVERSE = ("topup:reverse",)


async def _count(call: RequestContext[Any, Any], query: Mapping[str, Any]) -> Total:
    asked = msgspec.convert({**query, "cursor": None}, HistoryQuery)
    tenant, wanted = call.principal.tenant, wanted_of(asked)
    number, cents, is_more = await call.context.database.read(
        lambda tx: history.total(tx, tenant, wanted, most=COUNTED_MAX)
    )
    return Total(number, is_more, () if is_more else (partial(money, cents),))


_LIST: Final = OwnList(
    path="/topups",
    title=phrase("Top-ups"),
    # Omit voucher codes and claim links, because the page doesn't show them.
    listed=replace(LIST, seen=None),
    empty=phrase("No top-ups in %(environment)s yet"),
    advice=phrase("Send the first one from here, or with a key and one curl line."),
    columns=(
        "created_at, recipient_email lead break, platform, amount_cents tail number, status, "
        "transaction_id off"
    ),
    leads="transaction_id",
    filters=(
        *("status", "platform", "recipient_email", "reference"),
        *("created_after", "created_before"),
    ),
    summed=Summed("amount_cents"),
    count=_count,
    ways=(
        Way("topup:send", "/dashboard/send", phrase("Send a top-up"), is_primary=True),
        Way("keys:write", "/dashboard/keys/new", phrase("Create a key")),
    ),
    on_all={
        "cancel": ActOnAll(
            CANCEL,
            phrase("Cancel all that are scheduled"),
            "scheduled",
            CANCELS_EACH,
        )
    },
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    transaction_id, principal = call.params["transaction_id"], call.principal
    try:
        topup = await read_own(call, SHOW)
    except NotFound:
        return await _elsewhere(call, transaction_id)
    sees_webhooks = "webhooks:read" in principal.scopes
    story = await call.context.database.read(
        lambda tx: topup_story(
            tx,
            principal.tenant,
            transaction_id,
            with_deliveries=sees_webhooks,
            now_us=call.now_us,
        )
    )
    shown = shown_story(story, is_operator=ADMIN in principal.scopes, now_us=call.now_us)
    values = {"topup": topup, "story": shown, "sees_webhooks": sees_webhooks}
    return page(call, "topup.html", address=call.home, **values)


async def _elsewhere(call: RequestContext[Any, Any], transaction_id: str) -> Reply:
    account_id, scopes = call.principal.account_id, call.principal.scopes
    found = await call.context.database.read(
        lambda tx: find_by_id(tx, transaction_id, scopes, account_id)
    )
    other = next((one.environment for one in found if one.kind == "topup"), None)
    if other is None:
        raise NotFound("Transaction", param="transaction_id")
    return page(call, "elsewhere.html", status=HTTP_NOT_FOUND, other=other, next=_here(call))


async def receipt(call: RequestContext[Fields, Fields]) -> Reply:
    transaction_id = call.params["transaction_id"]
    made = (await run_route(call, RECEIPT_ROUTE)).data
    name = f'attachment; filename="{transaction_id}.jws"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(made["receipt"], media_type=JOSE, headers=headers)


async def cancel(call: RequestContext[Fields, Fields]) -> Reply:
    body = {"transaction_id": call.params["transaction_id"]}
    return await press(call, CANCEL, body, then=_here(call), said="topup-cancelled")


async def reverse(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    reason = {"reason": form.text("reason").strip()}
    done = await run_own(call, REVERSE, reason, key=form.idempotency_key)
    is_done = done["status"] == "reversed"
    return go(_here(call), said="topup-reversed" if is_done else "topup-reversing")


async def settle(call: RequestContext[Fields, Fields]) -> Reply:
    body = {"outcome": read_form(call).text("outcome")}
    return await press(call, SETTLE, body, then=_here(call), said="topup-settled")


def _here(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['transaction_id']}"


ROUTES = (
    _LIST.route(),
    page_route("GET", "/topups/{transaction_id}", show, "One top-up", _READ),
    page_route("GET", "/topups/{transaction_id}/receipt", receipt, "A receipt", _BILLING),
    page_route("POST", "/topups/{transaction_id}/cancel", cancel, "Cancel a top-up", _SEND),
    page_route("POST", "/topups/{transaction_id}/reverse", reverse, "Reverse a top-up", _REVERSE),
    page_route("POST", "/topups/{transaction_id}/settle", settle, "Settle in staging", _SEND),
)
