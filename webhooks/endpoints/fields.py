"""Check the fields that a caller sets on an endpoint, and convert them to columns.

Deliveries with codes or approval links, even old ones, must not reach a URL that nobody approved. So changing
the URL of such an endpoint requires the same right as turning codes or links on.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import UNSET, UnsetType

from kernel.errors import InvalidInput
from kernel.problems import word_entry
from kernel.tenant import Tenant
from keys.principal import SEES_CODES, Principal, ScopeMissing
from webhooks.deliveries.message import SCHEDULE_S_DEFAULT, check_schedule
from webhooks.events.event import EVENT_TYPES
from webhooks.http.guard import Policy, check_header
from webhooks.http.transport import Transport

DESCRIPTION_CHARACTERS_MAX: Final = 500
HEADERS_MAX: Final = 20
HEADER_NAME_CHARACTERS_MAX: Final = 64
HEADER_VALUE_CHARACTERS_MAX: Final = 1024
RATE_LIMIT_PER_S_MAX: Final = 10_000
STAGING: Final = "staging"
# webhooks/http/guard.py refuses headers that control the connection.
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
    """A new endpoint's fields. If `events` is empty, the endpoint gets all event types. rate_limit_per_s and filter
    are optional.
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
    """Changes to an endpoint. UNSET leaves a field unchanged. None removes a limit. `headers` replaces all headers."""

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
    """Return the policy for this environment's endpoints. Staging also allows plain http."""
    return replace(policy, allow_http=True) if environment == STAGING else policy


async def check_target(url: str, tenant: Tenant, policy: Policy, transport: Transport) -> None:
    """Raise UrlRefused unless the URL may be called now. Don't call this in a transaction: it resolves the host."""
    account_id, environment = tenant
    await transport.check(url, policy=policy_of(policy, environment), account_id=account_id)


def check_events(events: Sequence[str]) -> str:
    """Return the sorted types without duplicates. Raise InvalidInput if one is unknown."""
    unknown = next((one for one in events if one not in EVENT_TYPES), None)
    if unknown is not None:
        detail = f"Each event type must be one of {', '.join(EVENT_TYPES)}."
        raise InvalidInput(
            detail, param="events", errors=[word_entry("events", detail, unknown, EVENT_TYPES)]
        )
    return " ".join(sorted(set(events)))


def check_description(text: str) -> str:
    if len(text) > DESCRIPTION_CHARACTERS_MAX:
        raise InvalidInput(
            f"A description can have at most {DESCRIPTION_CHARACTERS_MAX} characters.",
            param="description",
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise InvalidInput("A description can't contain control characters.", param="description")
    return text


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers. Raise InvalidInput if one isn't allowed. The error never contains a header's value."""
    if len(headers) > HEADERS_MAX:
        raise InvalidInput(f"A webhook can have at most {HEADERS_MAX} headers.", param="headers")
    if len({name.lower() for name in headers}) < len(headers):
        raise InvalidInput("Each header name can appear only once, ignoring case.", param="headers")
    for name, value in headers.items():
        # CGI servers treat Transfer_Encoding like Transfer-Encoding.
        if "_" in name:
            raise InvalidInput("A header name can't contain an underscore.", param="headers")
        lowered = name.lower()
        if lowered in _OUR_HEADERS or lowered.startswith(_OUR_PREFIXES):
            raise InvalidInput("This header name is reserved.", param="headers")
        if len(name) > HEADER_NAME_CHARACTERS_MAX or len(value) > HEADER_VALUE_CHARACTERS_MAX:
            raise InvalidInput(
                f"A header's name can have at most {HEADER_NAME_CHARACTERS_MAX} characters, and "
                f"its value at most {HEADER_VALUE_CHARACTERS_MAX}.",
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


@dataclass(frozen=True, slots=True)
class EndpointRights:
    """What the caller may send to an endpoint.

    - is_person: whether the caller is the command line, or a signed-in user who may decide on sends. A key must not
      receive the link that approves its own sends.
    - who: the caller's ID, or None for the command line.
    """

    sees_codes: bool = False
    is_person: bool = False
    who: str | None = None

    @classmethod
    def of(cls, principal: Principal) -> "EndpointRights":
        who = principal.lineage[0] if principal.lineage else principal.person_id
        return cls(SEES_CODES in principal.scopes, _decides(principal), who)


def _decides(principal: Principal) -> bool:
    return principal.kind == "session" and "approvals:write" in principal.scopes


def check_new(new: NewEndpoint, rights: EndpointRights) -> None:
    if new.include_codes and not rights.sees_codes:
        raise _codes_refused()
    if new.include_approval_links and not rights.is_person:
        raise _links_refused()


def check_changes(
    changes: EndpointChanges,
    rights: EndpointRights,
    *,
    is_moved: bool,
    had_codes: bool,
    had_links: bool,
) -> None:
    """Raise ScopeMissing if the changes require rights that the caller lacks.

    had_codes, had_links: whether events that were already published may contain codes or links.
    """
    if not rights.sees_codes and (changes.include_codes is True or (had_codes and is_moved)):
        raise _codes_refused()
    is_told = changes.include_approval_links is True
    if not rights.is_person and (is_told or (had_links and is_moved)):
        raise _links_refused()


def included_columns(changes: EndpointChanges) -> dict[str, int]:
    columns: dict[str, int] = {}
    for name in ("codes", "approval_links"):
        value = getattr(changes, f"include_{name}")
        if value is UNSET:
            continue
        columns[f"include_{name}"] = int(value)
        if value:
            columns[f"had_{name}"] = 1
    return columns


def _codes_refused() -> ScopeMissing:
    return ScopeMissing(
        f"Sending codes to a webhook requires the scope {SEES_CODES}, which this credential lacks.",
        reason="scope",
        extra={"required_scopes": [SEES_CODES]},
    )


def _links_refused() -> ScopeMissing:
    return ScopeMissing(
        "Only a signed-in user can send approval links to a webhook, or change the URL of such a webhook.",
        reason="person_only",
    )
