"""Define what the API shows of a key. Its secret is shown once, when it is created."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
from msgspec import Meta

from kernel.clock import time_of
from kernel.shaped import Shaped
from kernel.words import Cents, Environment, KeyIdText, Last4, Prefix, Time
from keys.api_keys.api_key import ApiKey as Key
from keys.api_keys.fields import CENTS_FIELDS
from keys.api_keys.inputs import (
    AboveCents,
    AbovePerDayCents,
    AllowList,
    LifetimeCents,
    OldAboveCents,
    PerCallCents,
    PerDayCents,
    PerMonthCents,
    Platforms,
    Purpose,
    Recipients,
)
from keys.mandate import numbers_of, with_numbers
from keys.principal import SCOPES

ScopeWord = Annotated[str, Meta(extra_json_schema={"enum": list(SCOPES)})]
Scopes = list[ScopeWord]


class KeyCaps(Shaped, kw_only=True):
    """A key's caps for each UTC day and month. null means that the key has no cap of its own."""

    per_call_cents: PerCallCents | None
    per_day_cents: PerDayCents | None
    per_month_cents: PerMonthCents | None


class KeyWindow(Shaped, kw_only=True):
    """A spending limit for a rolling window of the given number of seconds."""

    seconds: int
    cents: Cents


UsedAt = Annotated[
    Time | None,
    Meta(
        description="When the credential was last used, to the minute. The time is recorded some seconds later."
    ),
]


class _KeyHead(Shaped, kw_only=True):
    """The first fields of a listed key. Its numeric limits follow."""

    id: KeyIdText
    parent_id: KeyIdText | None
    environment: Environment
    name: str
    prefix: Prefix
    last4: Last4
    scopes: Scopes
    caps: KeyCaps
    ip_allow_list: AllowList
    approval_above_cents: AboveCents | None
    approval_above_per_day_cents: AbovePerDayCents | None
    approval_threshold_cents: OldAboveCents | None
    purpose: Purpose | None
    client_id: Annotated[
        str | None,
        Meta(
            description="The MCP client that a user connected with this key: its ID, or the URL of its metadata"
            " document. Such a key has no secret: prefix and last4 are empty, and the client uses its tokens"
            " instead. Null for any other key."
        ),
    ]
    lifetime_cents: LifetimeCents | None
    platforms: Platforms | None
    recipients: Recipients | None
    windows: Annotated[
        list[KeyWindow], Meta(description="Limits for rolling windows. All of them apply.")
    ]


if TYPE_CHECKING:
    _Numbers = _KeyHead
else:
    _Numbers = with_numbers(_KeyHead, lambda kind: kind)


class ApiKey(_Numbers, kw_only=True):
    """An API key as listed, without its secret."""

    expires_at: Time | None
    created_at: Time
    last_used_at: UsedAt
    last_used_by: Annotated[
        str | None,
        Meta(
            description="The agent that last signed a call with the key: the URL of its public keys (Web Bot"
            " Auth)."
        ),
    ]
    paused_at: Annotated[
        Time | None,
        Meta(description="From when the key can only read. Its ancestors may be paused, too."),
    ]
    revoked_at: Time | None

    @classmethod
    def of(cls, key: Key, /, **more: Any) -> Self:
        mandate = key.mandate
        return super().of(
            key,
            caps=KeyCaps.of(key),
            approval_above_cents=key.approval_threshold_cents,
            platforms=list(mandate.platforms) or None,
            recipients=list(mandate.recipients) or None,
            windows=[KeyWindow.of(one) for one in mandate.windows],
            **numbers_of(mandate),
            **more,
        )


class CreatedKey(ApiKey, kw_only=True):
    """A key that was just created or rotated. `key` is its secret, which is shown only this once."""

    key: Annotated[
        str,
        Meta(
            pattern=r"^ak_(staging|live)_[0-9A-Za-z]{32}$",
            description="The secret, which is shown only this once.",
        ),
    ]


def audited(key: Key) -> Mapping[str, Any]:
    return {
        "name": key.name,
        "scopes": key.scopes,
        "ip_allow_list": key.ip_allow_list,
        **{name: getattr(key, name) for name in CENTS_FIELDS},
        **msgspec.to_builtins(key.mandate),
        "purpose": key.purpose,
        "expires_at": time_of(key.expires_at),
    }
