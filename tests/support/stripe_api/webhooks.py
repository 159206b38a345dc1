"""Webhook endpoints, and events as they are posted to them: signed, in any order, repeated."""

import hashlib
import hmac
from collections.abc import Sequence

import httpx
import msgspec

from tests.support.stripe_api.account import Json, StripeAccount, amended
from tests.support.stripe_api.params import Params

SECRET = "whsec_standin"


def make_endpoint(account: StripeAccount, params: Params) -> Json:
    """POST /v1/webhook_endpoints; every endpoint of the stand-in has the one secret."""
    return account.make(
        "webhook_endpoint",
        api_version=params.text("api_version"),
        description=params.text("description"),
        enabled_events=params.texts("enabled_events"),
        metadata=params.metadata(),
        secret=SECRET,
        status="enabled",
        url=params.needed("url"),
    )


def update_endpoint(account: StripeAccount, params: Params, endpoint_id: str) -> Json:
    one = account.find("webhook_endpoint", endpoint_id)
    if "enabled_events" in params:
        amended(one, enabled_events=params.texts("enabled_events"))
    if "disabled" in params:
        amended(one, status="disabled" if params.flag("disabled") else "enabled")
    return one


def drop_endpoint(account: StripeAccount, params: Params, endpoint_id: str) -> Json:
    account.drop(account.find("webhook_endpoint", endpoint_id))
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def is_wanted(endpoint: Json, event: Json) -> bool:
    """Whether the endpoint is told of such an event."""
    return endpoint["status"] == "enabled" and (
        "*" in endpoint["enabled_events"] or event["type"] in endpoint["enabled_events"]
    )


def signed(event: Json, at_s: int, secret: str = SECRET) -> tuple[dict[str, str], bytes]:
    """Headers and body of the event's delivery; at_s: when it is sent."""
    body = msgspec.json.encode(event)
    signature = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": f"t={at_s},v1={signature}",
    }, body


async def deliver(
    client: httpx.AsyncClient, url: str, events: Sequence[Json], at_s: int
) -> list[int]:
    """Posts the events one after the other; the statuses that were answered."""
    statuses: list[int] = []
    for event in events:
        headers, body = signed(event, at_s)
        answer = await client.post(url, headers=headers, content=body)
        statuses.append(answer.status_code)
    return statuses
