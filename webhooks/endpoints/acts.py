"""Webhook endpoints: register, list, show, change and delete them, and rotate a secret."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from kernel.clock import rfc3339, time_of
from kernel.fields import ExportPage, Fields, Int64, said, within, word_of
from kernel.limits import URL_CHARACTERS_MAX
from kernel.words import EndpointIdText, Time
from keys.act import MERCHANT, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.vault import Vault
from store.keyset import Begin
from webhooks.deliveries.message import (
    SCHEDULE_ENTRIES_MAX,
    SCHEDULE_S_DEFAULT,
    SCHEDULE_WAIT_S_MAX,
)
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import (
    OVERLAP_S_DEFAULT,
    OVERLAP_S_MAX,
    SORTS,
    Endpoint,
    TooManyEndpoints,
)
from webhooks.endpoints.fields import (
    DESCRIPTION_CHARACTERS_MAX,
    HEADERS_MAX,
    RATE_LIMIT_PER_S_MAX,
    EndpointChanges,
    EndpointRights,
    NewEndpoint,
)
from webhooks.events.event import EVENT_TYPES, Types
from webhooks.events.payload_filter import PATHS_MAX, VALUES_MAX
from webhooks.http.guard import UrlRefused

# These limits appear only in the documentation. check_target refuses a longer URL with 5002, like any bad URL.
EndpointUrl = Annotated[
    str,
    Meta(
        description="An https URL with a public host; in staging also http.",
        extra_json_schema={"maxLength": URL_CHARACTERS_MAX, "pattern": r"^https?://\S+$"},
    ),
]
EventTypes = Annotated[
    list[Annotated[str, word_of(EVENT_TYPES), Meta(max_length=64)]],
    Meta(max_length=100, description="The event types to send; empty means all."),
]
EndpointDescription = Annotated[str, Meta(max_length=DESCRIPTION_CHARACTERS_MAX)]
HeaderMap = Annotated[
    dict[str, str],
    Meta(
        max_length=HEADERS_MAX,
        description="Your own headers, which are sent with each request and masked when shown.",
    ),
    said(is_secret=True),
]
Schedule = Annotated[
    list[Annotated[Int64, within(0, SCHEDULE_WAIT_S_MAX)]],
    Meta(
        description="The seconds before each attempt.",
        extra_json_schema={"minItems": 1, "maxItems": SCHEDULE_ENTRIES_MAX},
    ),
]
RatePerS = Annotated[
    Int64,
    within(1, RATE_LIMIT_PER_S_MAX),
    Meta(description="The maximum number of requests per second; null means no limit."),
]

Ordered = Annotated[
    bool,
    Meta(
        description="Whether events about one object (a top-up, an order, a subscription) are sent one after the"
        " other, by `sequence`. A failing delivery delays the later ones until it has ended."
    ),
]
IncludeCodes = Annotated[
    bool,
    Meta(
        description="Whether bodies contain voucher_code, not only its hint; requires vouchers:read."
    ),
]
IncludeLinks = Annotated[
    bool,
    Meta(
        description="Whether approval.requested contains decide_url, a page on which to decide. Only a signed-in user"
        " can turn this on, not a key."
    ),
]
PayloadFilter = Annotated[
    dict[str, Any],
    Meta(
        description="Which events to send, by their data: for each path, the allowed values or bounds, such as"
        ' {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null means all events.',
        extra_json_schema={
            "minProperties": 1,
            "maxProperties": PATHS_MAX,
            "additionalProperties": {
                "oneOf": [
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": VALUES_MAX,
                        "items": {"type": ["string", "integer", "boolean", "null"]},
                    },
                    {
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": False,
                        "properties": {"gte": {"type": "integer"}, "lte": {"type": "integer"}},
                    },
                ]
            },
        },
    ),
]

SignsByKeyPair = Annotated[
    bool,
    Meta(
        description="Whether webhook-signature also has an Ed25519 signature (v1a), for which a receiver needs only"
        " public_key. Turning this off deletes the key pair; turning it on again makes a new one."
    ),
]
_TOLD: Final = ("include_codes", "include_approval_links")
_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_EXPORT: Final = (
    *("id", "url", "description", "events", "status", "disabled_reason", "failing_since"),
    *("rate_limit_per_s", "include_codes", "include_approval_links", "created_at"),
    *("filter", "ed25519", "public_key", "ordered"),
)


class RegisterBody(Fields, frozen=True, kw_only=True):
    """A new webhook endpoint."""

    url: EndpointUrl
    events: EventTypes = msgspec.field(default_factory=list)
    description: EndpointDescription = ""
    headers: HeaderMap = msgspec.field(default_factory=dict)
    retry_schedule_s: Schedule = msgspec.field(default_factory=lambda: list(SCHEDULE_S_DEFAULT))
    rate_limit_per_s: RatePerS | None = None
    ordered: Ordered = False
    include_codes: IncludeCodes = False
    include_approval_links: IncludeLinks = False
    filter: PayloadFilter | None = None
    ed25519: SignsByKeyPair = True


class WebhooksPatchBody(Fields, frozen=True, kw_only=True):
    """The fields to change. Omitted fields stay unchanged."""

    url: EndpointUrl | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET
    description: EndpointDescription | UnsetType = UNSET
    headers: HeaderMap | UnsetType = UNSET
    retry_schedule_s: Schedule | UnsetType = UNSET
    rate_limit_per_s: RatePerS | UnsetType | None = UNSET
    ordered: Ordered | UnsetType = UNSET
    include_codes: IncludeCodes | UnsetType = UNSET
    include_approval_links: IncludeLinks | UnsetType = UNSET
    filter: PayloadFilter | UnsetType | None = UNSET
    ed25519: SignsByKeyPair | UnsetType = UNSET
    status: (
        Annotated[
            str,
            word_of(("enabled", "disabled")),
            Meta(max_length=20, description="The new status."),
        ]
        | UnsetType
    ) = UNSET


class WebhooksRotateBody(Fields, frozen=True, kw_only=True):
    """How long the old secret stays valid alongside the new one."""

    overlap_s: Annotated[
        Int64,
        within(0, OVERLAP_S_MAX),
        Meta(description="The seconds for which the old secret still signs."),
    ] = OVERLAP_S_DEFAULT


class McpSubscription(Struct, kw_only=True):
    """The MCP client's subscription that an endpoint belongs to."""

    id: Annotated[
        str, Meta(description="The subscription's ID, as the client and its deliveries use it.")
    ]
    credential_id: Annotated[
        str, Meta(description="The key or token with which the subscription ends.")
    ]
    expires_at: Annotated[
        Time, Meta(description="When the subscription ends, unless the client renews it.")
    ]

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self | None:
        if endpoint.subscription_id is None:
            return None
        credential_id, until_at = endpoint.subscriber_id, endpoint.subscription_until_at
        assert credential_id is not None, "a subscription has one"
        assert until_at is not None, "a subscription has an end"
        return cls(
            id=endpoint.subscription_id, credential_id=credential_id, expires_at=rfc3339(until_at)
        )


class WebhookEndpoint(Struct, kw_only=True):
    """A webhook endpoint that receives events. Header values are masked."""

    id: EndpointIdText
    url: Annotated[str, Meta(description="The URL to which events are sent.")]
    events: Types
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: str | None
    retry_schedule_s: Annotated[list[int], Meta(description="The seconds before each attempt.")]
    rate_limit_per_s: int | None
    ordered: Annotated[
        bool,
        Meta(
            description="Whether events about the same object are sent one after the other, by `sequence`."
        ),
    ]
    include_codes: Annotated[bool, Meta(description="Whether bodies contain voucher_code.")]
    include_approval_links: Annotated[
        bool, Meta(description="Whether approval.requested contains decide_url.")
    ]
    filter: Annotated[
        dict[str, Any] | None,
        Meta(description="The data that an event must contain to be sent; null means no filter."),
    ]
    headers: Annotated[
        dict[str, str] | None,
        Meta(
            description="Your own headers, with masked values. Null if the stored headers are damaged: nothing is"
            " sent until you set them again."
        ),
    ]
    failing_since: Annotated[
        Time | None,
        Meta(description="Since when all deliveries have failed; null if the webhook works."),
    ]
    created_at: Time
    ed25519: Annotated[
        bool, Meta(description="Whether events are also signed with the webhook's own key pair.")
    ]
    public_key: (
        Annotated[
            str,
            Meta(
                pattern=r"^whpk_[0-9A-Za-z+/]{43}=$",
                description="The public key that verifies the Ed25519 signatures; null if there is none.",
            ),
        ]
        | None
    )
    mcp_subscription: Annotated[
        McpSubscription | None,
        Meta(
            description="Set if an MCP client created the webhook; only that client can change it."
        ),
    ]

    @classmethod
    def of(cls, endpoint: Endpoint, **more: Any) -> Self:
        return cls(
            **endpoint.shape(),
            failing_since=time_of(endpoint.failing_since_at),
            ed25519=endpoint.public_key is not None,
            public_key=endpoint.public_key,
            mcp_subscription=McpSubscription.of(endpoint),
            **more,
        )


class EndpointWithSecret(WebhookEndpoint, kw_only=True):
    """An endpoint with its signing secret, which is shown only once."""

    secret: Annotated[
        str,
        Meta(
            pattern=r"^whsec_[0-9A-Za-z+/=]+$",
            description="The secret that signs the bodies, shown only once.",
        ),
    ]


class DeletedEndpoint(Struct, kw_only=True):
    """A deleted endpoint."""

    id: EndpointIdText
    deleted: Annotated[bool, Meta(description="Always true.")]

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        return cls(id=endpoint.id, deleted=True)


def audited(endpoint: Endpoint) -> dict[str, Any]:
    """Return what the security log records. The URL's query is left out, because it may contain a secret."""
    told = {name: True for name in _TOLD if getattr(endpoint, name)}
    if endpoint.public_key is not None:
        told["ed25519"] = True
    return {"url": endpoint.url.partition("?")[0], **told}


def audits_of(before: Endpoint, after: Endpoint) -> Sequence[Audited]:
    entries: list[Audited] = []
    if before.url != after.url:
        entries.append(Audited("endpoint.moved", audited, is_whole=True))
    elif audited(before) != audited(after):
        entries.append(Audited("endpoint.changed", audited, is_whole=True))
    if _status(before) != _status(after):
        entries.append(Audited(f"endpoint.{after.status}", _status, is_whole=True))
    return entries


def _status(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.disabled_reason is None:
        return {"status": endpoint.status}
    return {"status": endpoint.status, "disabled_reason": endpoint.disabled_reason}


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
        "Creates a webhook endpoint: a URL of yours to which events are sent. The response contains its `secret`,"
        " which isn't shown again."
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
