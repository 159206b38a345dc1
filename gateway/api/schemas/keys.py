"""The shapes of credentials: API keys and access tokens. A secret is shown once, when it is made."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from gateway.answers.words import Cents, Environment, KeyId, Last4, Prefix, Time, time_of
from kernel.clock import rfc3339
from keys.api_keys.api_key import ApiKey as Key
from keys.tokens.access_token import AccessToken as Token

Scopes = list[str]


class KeyCaps(Struct, kw_only=True):
    """What a key may spend, in calendar windows of UTC; null: no cap of its own."""

    per_call_cents: Cents | None
    per_day_cents: Cents | None
    per_month_cents: Cents | None


UsedAt = Annotated[
    Time | None,
    Meta(description="The minute of the last use, rounded down; noted some seconds later."),
]


class ApiKey(Struct, kw_only=True):
    """An API key as it is listed: never its secret."""

    id: KeyId
    parent_id: KeyId | None
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
        return cls(
            id=key.id,
            parent_id=key.parent_id,
            environment=key.environment,
            name=key.name,
            prefix=key.prefix,
            last4=key.last4,
            scopes=list(key.scopes),
            caps=KeyCaps(
                per_call_cents=key.per_call_cents,
                per_day_cents=key.per_day_cents,
                per_month_cents=key.per_month_cents,
            ),
            ip_allow_list=list(key.ip_allow_list),
            approval_above_cents=key.approval_threshold_cents,
            approval_above_per_day_cents=key.approval_above_per_day_cents,
            approval_threshold_cents=key.approval_threshold_cents,
            expires_at=time_of(key.expires_at),
            created_at=rfc3339(key.created_at),
            last_used_at=time_of(key.last_used_at),
            revoked_at=time_of(key.revoked_at),
            **more,
        )


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


class AccessToken(Struct, kw_only=True):
    """A system access token as it is listed; key_id is the key that it is bound to."""

    id: Annotated[str, Meta(pattern=r"^tok_[0-9A-Za-z]+$")]
    key_id: KeyId | None
    environment: Environment
    name: str
    prefix: Prefix
    last4: Last4
    created_at: Time
    last_used_at: UsedAt
    revoked_at: Time | None

    @classmethod
    def of(cls, token: Token, /, **more: Any) -> Self:
        """The token as it is listed; more: its secret, in the answer that made it."""
        return cls(
            id=token.id,
            key_id=token.key_id,
            environment=token.environment,
            name=token.name,
            prefix=token.prefix,
            last4=token.last4,
            created_at=rfc3339(token.created_at),
            last_used_at=time_of(token.last_used_at),
            revoked_at=time_of(token.revoked_at),
            **more,
        )


class MadeToken(AccessToken, kw_only=True):
    """A token just made: `token` is its secret, shown this once."""

    token: Annotated[str, Meta(pattern=r"^sat_(staging|live)_[0-9A-Za-z]+$")]


class CodeRow(Struct, kw_only=True):
    """One row of the table of codes; http_status is the usual one."""

    code: Annotated[int, Meta(ge=1000, le=5002)]
    message: str
    http_status: int
    http_statuses: list[int]
    success: bool
    retryable: bool
    next_action: Literal["fix_request", "wait", "top_up", "ask_human", "stop"] | None
