"""The shapes of credentials: API keys and access tokens. A secret is shown once, when it is made."""

from typing import Annotated, Literal

from msgspec import Meta

from kernel.shaped import Shaped
from kernel.words import Environment, KeyIdText, Last4, Prefix, Time
from keys.api_keys.views import CreatedKey, UsedAt


class SandboxKey(CreatedKey, kw_only=True):
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


class CreatedToken(AccessToken, kw_only=True):
    """A token just made: `token` is its secret, shown this once."""

    token: Annotated[
        str,
        Meta(
            pattern=r"^sat_(staging|live)_[0-9A-Za-z]+$", description="The secret, shown this once."
        ),
    ]


class CodeRow(Shaped, kw_only=True):
    """One row of the table of codes; http_status is the usual one."""

    code: Annotated[int, Meta(ge=1000, le=5002, description="The code.")]
    message: str
    http_status: Annotated[int, Meta(description="The usual HTTP status.")]
    http_statuses: Annotated[
        list[int], Meta(description="Every HTTP status that it comes with, the usual one first.")
    ]
    success: Annotated[bool, Meta(description="What success is with the usual HTTP status.")]
    retryable: bool
    next_action: Literal["fix_request", "wait", "top_up", "ask_human", "stop"] | None
