"""Check what a caller may set on an endpoint, and convert it to columns. Pure, except check_target.

No header of an account can replace ours.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import UNSET, UnsetType

from kernel.errors import InvalidInput
from kernel.problems import word_entry
from kernel.tenant import Tenant
from webhooks.deliveries.retry import SCHEDULE_S_DEFAULT, check_schedule
from webhooks.events.event import EVENT_TYPES
from webhooks.http.guard import Policy
from webhooks.http.request import check_header
from webhooks.http.transport import Transport

DESCRIPTION_CHARACTERS_MAX: Final = 500
HEADERS_MAX: Final = 20
HEADER_NAME_CHARACTERS_MAX: Final = 64
HEADER_VALUE_CHARACTERS_MAX: Final = 1024
RATE_LIMIT_PER_S_MAX: Final = 10_000
STAGING: Final = "staging"
# We set these on every request. webhooks/http/request.py refuses the connection's own headers.
_OUR_HEADERS = frozenset(
    {
        "content-type",
        "content-encoding",
        "user-agent",
        "cookie",
        "x-request-id",
        "traceparent",
        "tracestate",
    }
)
_OUR_PREFIXES = ("webhook-", "x-aitopup-")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint to register. No events means all types; null for rate_limit_per_s or filter means none.

    ed25519: it also signs with a key pair of its own.
    """

    url: str
    events: Sequence[str] = ()
    description: str = ""
    headers: Mapping[str, str] | None = None
    retry_schedule_s: Sequence[int] = SCHEDULE_S_DEFAULT
    rate_limit_per_s: int | None = None
    ordered: bool = False
    include_codes: bool = False
    include_approval_links: bool = False
    filter: Mapping[str, Any] | None = None
    ed25519: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChanges:
    """The changes to an endpoint. UNSET leaves a field as it is; None removes a limit.

    headers replaces all of them, because listed values are masked. status is enabled or disabled.
    """

    url: str | UnsetType = UNSET
    events: Sequence[str] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    headers: Mapping[str, str] | UnsetType | None = UNSET
    retry_schedule_s: Sequence[int] | UnsetType = UNSET
    rate_limit_per_s: int | UnsetType | None = UNSET
    ordered: bool | UnsetType = UNSET
    include_codes: bool | UnsetType = UNSET
    include_approval_links: bool | UnsetType = UNSET
    filter: Mapping[str, Any] | UnsetType | None = UNSET
    ed25519: bool | UnsetType = UNSET
    status: str | UnsetType = UNSET


def policy_of(policy: Policy, environment: str) -> Policy:
    """Return the outbound policy for this environment's endpoints: staging may use plain http."""
    return replace(policy, allow_http=True) if environment == STAGING else policy


async def check_target(url: str, tenant: Tenant, policy: Policy, transport: Transport) -> None:
    """Resolve the URL's host and raise UrlRefused unless it may be called now. Never call it in a
    transaction.
    """
    account_id, environment = tenant
    await transport.check(url, policy=policy_of(policy, environment), account_id=account_id)


def check_events(events: Sequence[str]) -> str:
    """Return the types sorted and without repeats; empty means all. Raises InvalidInput."""
    unknown = next((one for one in events if one not in EVENT_TYPES), None)
    if unknown is not None:
        detail = f"the types are {', '.join(EVENT_TYPES)}"
        raise InvalidInput(
            detail, param="events", errors=[word_entry("events", detail, unknown, EVENT_TYPES)]
        )
    return " ".join(sorted(set(events)))


def check_description(text: str) -> str:
    """Raise InvalidInput if the text is too long or has control characters."""
    if len(text) > DESCRIPTION_CHARACTERS_MAX:
        raise InvalidInput(
            f"A description has at most {DESCRIPTION_CHARACTERS_MAX} characters.",
            param="description",
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise InvalidInput("A description has no control characters.", param="description")
    return text


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they will be sent; raise InvalidInput, which never shows a value."""
    if len(headers) > HEADERS_MAX:
        raise InvalidInput(f"An endpoint has at most {HEADERS_MAX} headers.", param="headers")
    if len({name.lower() for name in headers}) < len(headers):
        raise InvalidInput("Each header is named once; case doesn't count.", param="headers")
    for name, value in headers.items():
        # CGI servers read Transfer_Encoding as Transfer-Encoding.
        if "_" in name:
            raise InvalidInput("A header name has no underscore.", param="headers")
        lowered = name.lower()
        if lowered in _OUR_HEADERS or lowered.startswith(_OUR_PREFIXES):
            raise InvalidInput("This header name is reserved.", param="headers")
        if len(name) > HEADER_NAME_CHARACTERS_MAX or len(value) > HEADER_VALUE_CHARACTERS_MAX:
            raise InvalidInput(
                f"A header has at most {HEADER_NAME_CHARACTERS_MAX} characters in its name and "
                f"{HEADER_VALUE_CHARACTERS_MAX} in its value.",
                param="headers",
            )
        check_header(name, value)
    return dict(headers)


def check_retry_schedule(schedule_s: Sequence[int]) -> str:
    return " ".join(map(str, check_schedule(schedule_s)))


def check_rate_limit(rate_per_s: int | None) -> int | None:
    if rate_per_s is not None and not 1 <= rate_per_s <= RATE_LIMIT_PER_S_MAX:
        raise InvalidInput(
            f"`rate_limit_per_s` must be from 1 to {RATE_LIMIT_PER_S_MAX}.",
            param="rate_limit_per_s",
        )
    return rate_per_s
