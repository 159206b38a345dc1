from typing import Literal, cast

RecipientMailStatus = Literal[
    "bounced", "failed", "limited", "outbox", "queued", "sent", "unwanted"
]


def check_recipient_mail_status(value: str) -> RecipientMailStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RecipientMailStatus, value)
