"""Top-ups: the history with its filters, and one top-up's whole timeline."""

import asyncio
from typing import Any

from starlette.responses import Response

from gateway.api.topup_receipts import JOSE
from gateway.dashboard.act import act
from gateway.dashboard.listing import listing
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form
from gateway.html.render import go, page
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.internal_client import ask

PATH = "/dashboard/topups"
_READ = ("topup:read",)
_SEND = ("topup:send",)
_BILLING = ("billing:read",)
_REVERSE = ("topup:reverse",)
# Of one top-up; more than these are found in the delivery log.
DELIVERIES_SHOWN = 10
_FILTERS = (
    "status",
    "platform",
    "recipient_email",
    "reference",
    "created_after",
    "created_before",
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first."""
    platforms = (await ask(call, "GET", "/platforms")).data["items"]
    found = await listing(call, "/topup/history", *_FILTERS)
    return page(call, "topups.html", listing=found, platforms=platforms)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """The top-up, what it moved, what it said and to whom, attempt by attempt."""
    transaction_id = call.params["transaction_id"]
    topup = (await ask(call, "GET", f"/topup/status/{transaction_id}")).data
    listed = await ask(
        call,
        "GET",
        "/deliveries",
        query={"transaction_id": transaction_id, "limit": DELIVERIES_SHOWN},
    )
    deliveries = await asyncio.gather(
        *(ask(call, "GET", f"/deliveries/{delivery['id']}") for delivery in listed.data["items"])
    )
    endpoints = (await ask(call, "GET", "/webhooks", query={"limit": 200})).data["items"]
    return page(
        call,
        "topup.html",
        topup=topup,
        deliveries=[delivery.data for delivery in deliveries],
        has_more=listed.data["has_more"],
        urls={endpoint["id"]: endpoint["url"] for endpoint in endpoints},
    )


async def receipt(call: RequestContext[Fields, Fields]) -> Reply:
    """The receipt that proves itself, as a file."""
    transaction_id = call.params["transaction_id"]
    made = (await ask(call, "GET", f"/topup/{transaction_id}/receipt")).data
    name = f'attachment; filename="{transaction_id}.jws"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(made["receipt"], media_type=JOSE, headers=headers)


async def cancel(call: RequestContext[Fields, Fields]) -> Reply:
    """Takes a pending top-up back."""
    body = {"transaction_id": call.params["transaction_id"]}
    return await act(call, "POST", "/topup/cancel", body, then=_here(call), said="topup-cancelled")


async def reverse(call: RequestContext[Fields, Fields]) -> Reply:
    """Takes a delivered top-up back that was not used; its supplier may have to be asked first."""
    form = read_form(call)
    path = f"/topup/{call.params['transaction_id']}/reverse"
    reason = {"reason": form.text("reason").strip()}
    done = await ask(call, "POST", path, reason, idempotency_key=form.idempotency_key)
    is_done = done.data["status"] == "reversed"
    return go(_here(call), said="topup-reversed" if is_done else "topup-reversing")


async def settle(call: RequestContext[Fields, Fields]) -> Reply:
    """Staging only: ends a pending top-up as its fulfilment would."""
    body = {"outcome": read_form(call).text("outcome")}
    path = f"/sandbox/topups/{call.params['transaction_id']}"
    return await act(call, "POST", path, body, then=_here(call), said="topup-settled")


def _here(call: RequestContext[Any, Any]) -> str:
    return f"{PATH}/{call.params['transaction_id']}"


ROUTES = (
    page_route("GET", "/topups", show_list, "Top-ups", _READ),
    page_route("GET", "/topups/{transaction_id}", show, "One top-up", _READ),
    page_route("GET", "/topups/{transaction_id}/receipt", receipt, "A receipt", _BILLING),
    page_route("POST", "/topups/{transaction_id}/cancel", cancel, "Cancel a top-up", _SEND),
    page_route("POST", "/topups/{transaction_id}/reverse", reverse, "Reverse a top-up", _REVERSE),
    page_route("POST", "/topups/{transaction_id}/settle", settle, "Settle in staging", _SEND),
)
