"""The bodies that register, change and rotate a webhook endpoint."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kernel.fields import Fields, Int64, said, within, word_of
from kernel.limits import URL_CHARACTERS_MAX
from webhooks.deliveries.retry import SCHEDULE_ENTRIES_MAX, SCHEDULE_S_DEFAULT, SCHEDULE_WAIT_S_MAX
from webhooks.endpoints.endpoint import OVERLAP_S_DEFAULT, OVERLAP_S_MAX
from webhooks.endpoints.fields import (
    DESCRIPTION_CHARACTERS_MAX,
    HEADERS_MAX,
    RATE_LIMIT_PER_S_MAX,
)
from webhooks.events.event import EVENT_TYPES
from webhooks.events.payload_filter import PATHS_MAX, VALUES_MAX

# The limit is only documented here. check_target refuses a longer URL with 5002, as any other bad URL.
EndpointUrl = Annotated[
    str,
    Meta(
        description="https in live, http too in staging; its host is public.",
        extra_json_schema={"maxLength": URL_CHARACTERS_MAX, "pattern": r"^https?://\S+$"},
    ),
]
EventTypes = Annotated[
    list[Annotated[str, word_of(EVENT_TYPES), Meta(max_length=64)]],
    Meta(max_length=100, description="Event types; empty: all."),
]
EndpointDescription = Annotated[str, Meta(max_length=DESCRIPTION_CHARACTERS_MAX)]
HeaderMap = Annotated[
    dict[str, str],
    Meta(max_length=HEADERS_MAX, description="Sent along; masked when shown."),
    said(is_secret=True),
]
Schedule = Annotated[
    list[Annotated[Int64, within(0, SCHEDULE_WAIT_S_MAX)]],
    Meta(
        description="Entry k: the wait before attempt k, in seconds.",
        extra_json_schema={"minItems": 1, "maxItems": SCHEDULE_ENTRIES_MAX},
    ),
]
RatePerS = Annotated[
    Int64,
    within(1, RATE_LIMIT_PER_S_MAX),
    Meta(description="At most so many requests a second; null: no limit."),
]

Ordered = Annotated[
    bool,
    Meta(
        description="Whether events of one object (a top-up, an order, a subscription) are sent one after the"
        " other, by `sequence`: one that fails holds up those after it until it has ended."
    ),
]
IncludeCodes = Annotated[
    bool,
    Meta(description="Whether bodies carry voucher_code; needs vouchers:read. Else its hint only."),
]
IncludeLinks = Annotated[
    bool,
    Meta(
        description="Whether approval.requested carries decide_url, a page that decides; set by a person"
        " who is signed in, by no key."
    ),
]
PayloadFilter = Annotated[
    dict[str, Any],
    Meta(
        description="Only events whose data matches are sent: by path, the values that it may have, or"
        ' bounds, such as {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null: all.',
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
        description="Whether webhook-signature has an Ed25519 signature (v1a) beside the HMAC: a receiver then"
        " needs no secret but public_key. Off ends the key pair at once; on again makes a new one."
    ),
]


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
    """What changes of an endpoint; what is left out stays as it is."""

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
            Meta(max_length=20, description="enabled or disabled."),
        ]
        | UnsetType
    ) = UNSET


class WebhooksRotateBody(Fields, frozen=True, kw_only=True):
    """How long both secrets sign."""

    overlap_s: Annotated[
        Int64,
        within(0, OVERLAP_S_MAX),
        Meta(description="How long the old secret still signs, in seconds."),
    ] = OVERLAP_S_DEFAULT
