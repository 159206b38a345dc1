"""The shapes of credentials: API keys and access tokens. A secret is shown once, when it is made."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta

from gateway.answers.words import Cents, Environment, KeyIdText, Last4, Prefix, Time
from kernel.shaped import Shaped
from keys.api_keys.api_key import ApiKey as Key

Scopes = list[str]


class KeyCaps(Shaped, kw_only=True):
    """What a key may spend, in calendar windows of UTC; null: no cap of its own."""

    per_call_cents: Cents | None
    per_day_cents: Cents | None
    per_month_cents: Cents | None


UsedAt = Annotated[
    Time | None,
    Meta(description="The minute of the last use, rounded down; noted some seconds later."),
]


class ApiKey(Shaped, kw_only=True):
    """An API key as it is listed: never its secret."""

    id: KeyIdText
    parent_id: KeyIdText | None
    environment: Environment
    name: str
    prefix: Prefix
    last4: Last4
    scopes: Scopes
    caps: KeyCaps
    ip_allow_list: Annotated[list[str], Meta(description="CIDRs; empty: any address.")]
    approval_above_cents: Annotated[
        int | None, Meta(description="A send above it waits for a person, in US cents.")
    ]
    approval_above_per_day_cents: Annotated[
        int | None,
        Meta(
            description="A send that takes what the key and its descendants sent on this UTC day"
            " without an approval above it waits for a person, in US cents."
        ),
    ]
    approval_threshold_cents: Annotated[
        int | None, Meta(description="The old name of approval_above_cents.")
    ]
    expires_at: Time | None
    created_at: Time
    last_used_at: UsedAt
    revoked_at: Time | None

    @classmethod
    def of(cls, key: Key, /, **more: Any) -> Self:
        """The key as it is listed; more: the fields of an answer that shows its secret."""
        above = key.approval_threshold_cents
        return super().of(key, caps=KeyCaps.of(key), approval_above_cents=above, **more)


class MintedKey(ApiKey, kw_only=True):
    """A key just minted or rotated: `key` is its secret, shown this once."""

    key: Annotated[str, Meta(pattern=r"^ak_(staging|live)_[0-9A-Za-z]{32}$")]


class SandboxKey(MintedKey, kw_only=True):
    """The key of a fresh staging account, and another that decides on what it asks for."""

    account_id: str
    approver_key: Annotated[
        str,
        Meta(
            pattern=r"^ak_staging_[0-9A-Za-z]{32}$",
            description="A key of another lineage with approvals:write only, shown this once.",
        ),
    ]


class AccessToken(Shaped, kw_only=True):
    """A system access token as it is listed; key_id is the key that it is bound to."""

    id: Annotated[str, Meta(pattern=r"^tok_[0-9A-Za-z]+$")]
    key_id: KeyIdText | None
    environment: Environment
    name: str
    prefix: Prefix
    last4: Last4
    created_at: Time
    last_used_at: UsedAt
    revoked_at: Time | None


class MadeToken(AccessToken, kw_only=True):
    """A token just made: `token` is its secret, shown this once."""

    token: Annotated[str, Meta(pattern=r"^sat_(staging|live)_[0-9A-Za-z]+$")]


class CodeRow(Shaped, kw_only=True):
    """One row of the table of codes; http_status is the usual one."""

    code: Annotated[int, Meta(ge=1000, le=5002)]
    message: str
    http_status: int
    http_statuses: list[int]
    success: bool
    retryable: bool
    next_action: Literal["fix_request", "wait", "top_up", "ask_human", "stop"] | None
