"""The shapes of what recipients get: how a top-up reaches them, and the mail about it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from kernel.shaped import Shaped
from kernel.words import Time


class ShownDelivery(Struct, kw_only=True):
    """What the send said about its recipient."""

    email: Annotated[bool, Meta(description="Whether mail was asked for.")]
    locale: Annotated[str | None, Meta(description="The language that was asked for.")]
    message: Annotated[str | None, Meta(description="The sender's words to the recipient.")]


class RecipientMail(Shaped, kw_only=True):
    """One mail about a top-up. It holds the link to the claim page, never the code itself."""

    id: Annotated[str, Meta(pattern=r"^mal_[0-9A-Za-z]+$")]
    status: Annotated[
        Literal["queued", "sent", "bounced", "failed", "unwanted", "outbox", "limited"],
        Meta(
            description="sent: a mail server took it. bounced: it was refused for good. failed: tried"
            " for a day and a half. unwanted: the recipient asked for no mail. outbox: no mail"
            " leaves here, read it in the dashboard. limited: the mails of 24 hours were used up."
        ),
    ]
    attempts: Annotated[int, Meta(ge=0, description="How many times it was tried.")]
    reason: Annotated[str | None, Meta(description="What the mail server said.")]
    created_at: Time
    next_attempt_at: Time | None
    ended_at: Time | None
