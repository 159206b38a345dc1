"""Entitlements: what the caller's plan lets it do, asked by name, and uses of what is limited."""

from typing import Annotated

from msgspec import Meta

from billing.subscriptions import entitlement_use
from billing.subscriptions.entitlement import EntitlementState
from billing.subscriptions.entitlement_use import UseEntitlement
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, ok
from gateway.api.bodies.usage_body import CallerReferenceField
from gateway.api.schemas.entitlements import Entitlement
from gateway.http.lists import short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Page

COUNT_MAX = 1_000_000
_ASKS = ("billing:read", "usage:write", "general_api_access")
_USES = ("usage:write", "advanced_access")


class UseBody(Fields, frozen=True, kw_only=True):
    """How many uses; one reference counts once, however often it is told."""

    reference: Annotated[
        CallerReferenceField, Meta(description="Your own name for this use: each counts once.")
    ]
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX, description="How many uses it is.")] = 1


async def list_all(call: RequestContext[Fields, Page]) -> Answer:
    tenant, now_us = call.principal.tenant, call.now_us
    found = await call.context.database.read(
        lambda tx: entitlement_use.ask_all(tx, tenant, now_us=now_us)
    )
    data = short_list([Entitlement.of(one) for one in found], call.query, lambda one: one.name)
    return answer(codes.SUCCESS, data, now_us=now_us)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, name, now_us = call.principal.tenant, call.params["entitlement_name"], call.now_us
    found = await call.context.database.read(
        lambda tx: entitlement_use.ask(tx, tenant, name, now_us=now_us)
    )
    return answer(codes.SUCCESS, Entitlement.of(found), now_us=now_us)


async def use(call: RequestContext[UseBody, Fields]) -> Answer:
    command = UseEntitlement(
        tenant=call.principal.tenant,
        name=call.params["entitlement_name"],
        count=call.body.count,
        reference=call.body.reference,
        key_id=call.principal.key_id,
    )
    now_us = call.now_us

    def encode(found: EntitlementState) -> Answer:
        return answer(codes.SUCCESS, Entitlement.of(found), now_us=now_us)

    return await call.context.engine.submit_once(command, call.request_key, encode)


ROUTES = (
    Route(
        "GET",
        "/entitlements",
        list_all,
        "What the account's plan lets it do",
        scopes=_ASKS,
        query=Page,
        description="Without a plan the list is empty.",
        answers=ok(Listing[Entitlement]),
    ),
    Route(
        "GET",
        "/entitlements/{entitlement_name}",
        show,
        "Whether the account may do this now",
        scopes=_ASKS,
        description=(
            "A name that another plan has and the account's has not is allowed false; one that no plan"
            " has is not found, with did_you_mean."
        ),
        answers=ok(Entitlement),
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "POST",
        "/entitlements/{entitlement_name}/use",
        use,
        "Count uses of what a plan limits",
        scopes=_USES,
        body=UseBody,
        description=(
            "allowed false: the limit has no room for so many, and nothing was counted. The same"
            " reference again answers allowed true and counts nothing."
        ),
        answers=ok(Entitlement),
        refuses=(codes.NOT_FOUND, codes.DUPLICATE),
    ),
)
