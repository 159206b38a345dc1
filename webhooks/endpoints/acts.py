"""Webhook endpoints: register, list, show, change, delete, rotate the secret, test, verify."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import asdict

from kernel.fields import ExportPage, Fields
from keys.act import MERCHANT, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.vault import Vault
from store.keyset import Begin
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import SORTS, Endpoint, TooManyEndpoints
from webhooks.endpoints.fields import EndpointChanges, NewEndpoint
from webhooks.endpoints.inputs import RegisterBody, WebhooksPatchBody, WebhooksRotateBody
from webhooks.endpoints.secrecy import EndpointRights
from webhooks.endpoints.views import (
    DeletedEndpoint,
    EndpointWithSecret,
    WebhookEndpoint,
    audited,
    audits_of,
)
from webhooks.http.guard import UrlRefused

_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_EXPORT: Final = (
    *("id", "url", "description", "events", "status", "disabled_reason", "failing_since"),
    *("rate_limit_per_s", "include_codes", "include_approval_links", "created_at"),
    *("filter", "ed25519", "public_key", "ordered"),
)


def _rights(context: ActContext) -> EndpointRights:
    return EndpointRights() if context.asker is None else EndpointRights.of(context.asker)


async def register(context: ActContext, asked: RegisterBody) -> Change[Endpoint]:
    made, secret = await endpoints.register(
        context.tx,
        context.service(Vault),
        tenant=context.tenant,
        new=NewEndpoint(**asdict(asked)),
        is_sandbox=context.asker is not None and context.asker.is_sandbox,
        rights=_rights(context),
        now_us=context.now_us,
    )
    return Change(after=made, shown_once={"secret": secret})


async def list_endpoints(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[Endpoint]:
    return await endpoints.list_endpoints(
        context.tx, context.service(Vault), context.tenant, before_id=begin, limit=limit
    )


async def show(context: ActContext) -> Endpoint:
    return await endpoints.get(
        context.tx, context.service(Vault), context.tenant, context.object_id
    )


async def change(context: ActContext, asked: WebhooksPatchBody) -> Change[Endpoint]:
    before = await show(context)
    after = await endpoints.patch(
        context.tx,
        context.service(Vault),
        context.tenant,
        context.object_id,
        changes=EndpointChanges(**asdict(asked)),
        rights=_rights(context),
        now_us=context.now_us,
    )
    return Change(before=before, after=after)


async def delete(context: ActContext, _asked: Fields) -> Change[Endpoint]:
    gone = await endpoints.delete(
        context.tx,
        context.service(Vault),
        context.tenant,
        context.object_id,
        now_us=context.now_us,
    )
    return Change(after=gone, is_gone=True)


async def rotate_secret(context: ActContext, asked: WebhooksRotateBody) -> Change[Endpoint]:
    rotated, secret = await endpoints.rotate_secret(
        context.tx,
        context.service(Vault),
        context.tenant,
        context.object_id,
        overlap_s=asked.overlap_s,
        now_us=context.now_us,
    )
    noted = {"overlap_s": asked.overlap_s}
    return Change(after=rotated, shown_once={"secret": secret}, noted=noted)


async def shows_secrets(_context: ActContext, asked: RegisterBody) -> bool:
    return asked.include_codes or asked.include_approval_links


async def moves_secrets(context: ActContext, asked: WebhooksPatchBody) -> bool:
    has_codes, has_links = asked.include_codes is True, asked.include_approval_links is True
    if not has_codes and not has_links and asked.url is UNSET:
        return False
    found = await show(context)
    is_moved = asked.url is not UNSET and asked.url != found.url
    return (
        (has_codes and not found.include_codes)
        or (has_links and not found.include_approval_links)
        or (is_moved and (found.had_codes or found.had_approval_links))
    )


def _new_target(asked: WebhooksPatchBody) -> str | None:
    return None if asked.url is UNSET else asked.url


def _url(asked: RegisterBody) -> str:
    return asked.url


REGISTER: Final = Act(
    name="webhooks.add",
    summary="Register a webhook",
    description=(
        "Creates a webhook endpoint: an address of yours that events are sent to. The answer has its `secret`,"
        " which is not shown again."
    ),
    path="/webhooks/register",
    scopes=_WRITE,
    audience=(MERCHANT,),
    input=RegisterBody,
    run=register,
    view=WebhookEndpoint.of,
    result=EndpointWithSecret,
    status=201,
    refuses=(UrlRefused, TooManyEndpoints),
    shows_secret=True,
    target=_url,
    asks_password_if=shows_secrets,
    audit=Audited("endpoint.created", audited),
    examples=(
        "topup webhooks add --url https://shop.acme.example/hook --event topup.delivered",
        "topup webhooks add --url https://shop.acme.example/hook --headers headers.json --retry-schedule 0,60,600",
    ),
)
LIST: Final[ListAct[Any, Any]] = ListAct(
    name="webhooks.list",
    summary="List webhooks",
    path="/webhooks",
    scopes=_READ,
    audience=(MERCHANT,),
    query=ExportPage,
    run=list_endpoints,
    result=WebhookEndpoint,
    prefix="we",
    sorts=SORTS,
    export=_EXPORT,
    columns=("id", "status", "url", "events"),
    examples=("topup webhooks list",),
)
SHOW: Final = ReadAct(
    name="webhooks.show",
    summary="Show a webhook",
    path="/webhooks/{endpoint_id}",
    scopes=_READ,
    audience=(MERCHANT,),
    run=show,
    result=WebhookEndpoint,
    examples=("topup webhooks show we_5Fxp",),
)
CHANGE: Final = Act(
    name="webhooks.update",
    summary="Change a webhook",
    method="PATCH",
    path="/webhooks/{endpoint_id}",
    scopes=_WRITE,
    audience=(MERCHANT,),
    input=WebhooksPatchBody,
    run=change,
    result=WebhookEndpoint,
    refuses=(UrlRefused,),
    target=_new_target,
    asks_password_if=moves_secrets,
    audit=audits_of,
    examples=(
        "topup webhooks update we_5Fxp --event topup.delivered --event topup.failed",
        "topup webhooks update we_5Fxp --status disabled",
        'topup webhooks update we_5Fxp --filter \'{"amount_cents": {"gte": 1000}}\'',
        "topup webhooks update we_5Fxp --no events --no headers",
    ),
)
DELETE: Final = Act(
    name="webhooks.remove",
    summary="Delete a webhook",
    method="DELETE",
    path="/webhooks/{endpoint_id}",
    scopes=_WRITE,
    audience=(MERCHANT,),
    input=Fields,
    run=delete,
    result=DeletedEndpoint,
    audit=Audited("endpoint.deleted", audited),
    asks="Delete {url} ({id})? Its waiting deliveries are cancelled.",
    examples=("topup webhooks remove we_5Fxp",),
)
ROTATE_SECRET: Final = Act(
    name="webhooks.rotate-secret",
    summary="Rotate a webhook's secret",
    path="/webhooks/{endpoint_id}/rotate-secret",
    scopes=_WRITE,
    audience=(MERCHANT,),
    input=WebhooksRotateBody,
    run=rotate_secret,
    view=WebhookEndpoint.of,
    result=EndpointWithSecret,
    shows_secret=True,
    asks_password=True,
    audit=Audited("endpoint.secret_rotated", audited),
    examples=("topup webhooks rotate-secret we_5Fxp --overlap-s 3600",),
)
ACTS: Final = (REGISTER, LIST, SHOW, CHANGE, DELETE, ROTATE_SECRET)
