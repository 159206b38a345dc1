"""How a webhook endpoint is shown. Its secret is shown once, when it is made."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Struct

from kernel.words import EndpointIdText, Time, time_of
from keys.act import Audited
from webhooks.endpoints.endpoint import Endpoint
from webhooks.events.event_type import Types

_TOLD: Final = ("include_codes", "include_approval_links")


class WebhookEndpoint(Struct, kw_only=True):
    """Where events are sent. The values of headers are masked."""

    id: EndpointIdText
    url: Annotated[str, Meta(description="Where the events are sent.")]
    events: Types
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: str | None
    retry_schedule_s: Annotated[
        list[int], Meta(description="Entry k: the wait before attempt k, in seconds.")
    ]
    rate_limit_per_s: int | None
    ordered: Annotated[
        bool, Meta(description="Events of one object are sent one after the other, by `sequence`.")
    ]
    include_codes: Annotated[bool, Meta(description="Whether bodies carry voucher_code.")]
    include_approval_links: Annotated[
        bool, Meta(description="Whether approval.requested carries decide_url.")
    ]
    filter: Annotated[
        dict[str, Any] | None,
        Meta(description="What has to stand in data for an event to be sent; null: nothing."),
    ]
    headers: Annotated[
        dict[str, str] | None,
        Meta(
            description="Headers of your own that are sent along; the values are masked. Null: what is"
            " stored of them is damaged, and nothing is sent until you set them anew."
        ),
    ]
    failing_since: Annotated[
        Time | None, Meta(description="Since when nothing has arrived; null: it is well.")
    ]
    created_at: Time
    ed25519: Annotated[
        bool, Meta(description="Whether it signs with a key pair of its own beside the secret.")
    ]
    public_key: (
        Annotated[
            str,
            Meta(
                pattern=r"^whpk_[0-9A-Za-z+/]{43}=$",
                description="What its Ed25519 signatures are checked with; no secret. Null: it has none.",
            ),
        ]
        | None
    )

    @classmethod
    def of(cls, endpoint: Endpoint, **more: Any) -> Self:
        """Convert an endpoint; more: its secret, shown once."""
        return cls(
            **endpoint.shape(),
            failing_since=time_of(endpoint.failing_since_at),
            ed25519=endpoint.public_key is not None,
            public_key=endpoint.public_key,
            **more,
        )


class EndpointWithSecret(WebhookEndpoint, kw_only=True):
    """An endpoint and its signing secret, shown this once."""

    secret: Annotated[
        str,
        Meta(
            pattern=r"^whsec_[0-9A-Za-z+/=]+$",
            description="What its bodies are signed with, shown this once.",
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
    """Return the security log's view: the URL without the query, which may be a receiver's secret."""
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
