"""The key of a sandbox account, and the table of codes."""

from typing import Annotated, Literal

from msgspec import Meta

from kernel.shaped import Shaped
from keys.api_keys.views import CreatedKey


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
