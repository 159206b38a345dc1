"""The body of a send: what goes to whom, and how it reaches its recipient."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from billing.topups.platform_rows import AMOUNT_CENTS_MAX
from billing.topups.quote import QUOTE_ID_CHARACTERS_MAX
from billing.topups.topup import LOCALE_CHARACTERS_MAX, MESSAGE_CHARACTERS_MAX
from kernel.fields import LINE, Fields, Int64, Text, Time, within
from kernel.limits import (
    INTENT_CHARACTERS_MAX,
    INTENT_CHARACTERS_MIN,
    METADATA_KEY_CHARACTERS_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
)

Address = Annotated[str, Meta(max_length=320)]
SenderReferenceField = Annotated[
    str, Meta(min_length=1, max_length=REFERENCE_CHARACTERS_MAX, pattern=LINE)
]
MetadataKey = Annotated[
    str, Meta(min_length=1, max_length=METADATA_KEY_CHARACTERS_MAX, pattern=LINE)
]
# A language tag (RFC 5646): language, and up to three parts such as script and region.
LOCALE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}\Z"
VISIBLE = r"^[!-~]*\Z"
# Without characters that turn the direction of all that follows.
MESSAGE = r"^[^\u202a-\u202e\u2066-\u2069]*\Z"
MetadataValue = Annotated[str, Meta(max_length=METADATA_VALUE_CHARACTERS_MAX)]


QuoteIdField = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=QUOTE_ID_CHARACTERS_MAX,
        description=(
            "From POST /topup/validate of the same send, at most ten minutes ago: charged is"
            " exactly what it said, or the send is refused."
        ),
    ),
]
IntentField = Annotated[
    str,
    Meta(
        min_length=INTENT_CHARACTERS_MIN,
        max_length=INTENT_CHARACTERS_MAX,
        pattern=VISIBLE,
        description=(
            "Your own id of this one top-up, such as a UUID, once per environment. The same platform,"
            " amount and recipient under it, through any door (API, MCP, x402, a page) and with any"
            " key of the account, is the same top-up; another body is refused."
        ),
    ),
]


class DeliveryBody(Fields, frozen=True, kw_only=True):
    """How the top-up reaches its recipient, who needs no account."""

    email: Annotated[
        bool,
        Meta(description="Mail the recipient a link to the claim page once it is delivered."),
    ] = False
    locale: (
        Annotated[
            str,
            Meta(
                max_length=LOCALE_CHARACTERS_MAX,
                pattern=LOCALE,
                description="Language of mail and page, such as es or zh-Hans: English, Arabic, Chinese"
                " or Spanish; any other is shown in English.",
            ),
        ]
        | None
    ) = None
    message: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=MESSAGE_CHARACTERS_MAX,
                pattern=MESSAGE,
                description="Your words to the recipient, plain text.",
            ),
        ]
        | None
    ) = None


class OneSend(Fields, frozen=True, kw_only=True):
    """What is sent to whom: recipient_email names a person, "recipient": "self" means the account's
    own address. Exactly one of the two, since a recipient is never guessed.
    """

    exactly_one: ClassVar[tuple[str, str] | None] = ("recipient_email", "recipient")

    platform: Annotated[Text, Meta(description="What is topped up; see GET /platforms.")]
    amount_cents: Annotated[
        Int64,
        within(1, AMOUNT_CENTS_MAX),
        Meta(description="In US cents, within the platform's limits."),
    ]
    recipient_email: (
        Annotated[Address, Meta(description="Whose wallet. Required unless recipient is given.")]
        | None
    ) = None
    recipient: (
        Annotated[
            Literal["self"],
            Meta(description="In place of recipient_email: your account's own address."),
        ]
        | None
    ) = None
    reference: (
        Annotated[
            SenderReferenceField, Meta(description="Your own name for it, once per environment.")
        ]
        | None
    ) = None
    metadata: (
        Annotated[
            dict[MetadataKey, MetadataValue],
            Meta(max_length=METADATA_PAIRS_MAX, description="Pairs of yours; events carry them."),
        ]
        | None
    ) = None
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS_MAX)] | None = None
    delivery: Annotated[
        DeliveryBody | None, Meta(description="Mail, language and message for the recipient.")
    ] = None
    send_at: (
        Annotated[
            Time, Meta(description="When to send it, at most 90 days ahead; left out: at once.")
        ]
        | None
    ) = None
    distinct: Annotated[
        bool,
        Meta(
            description="Another send, though it looks like one of a moment ago; see the key's"
            " repeat_guard_s."
        ),
    ] = False


class ValidateBody(OneSend, frozen=True, kw_only=True):
    """What would be sent to whom: recipient_email names a person, "recipient": "self" means the
    account's own address. Exactly one of the two, since a recipient is never guessed.
    """

    intent: IntentField | None = None


class SendBody(ValidateBody, frozen=True, kw_only=True):
    """What is sent to whom, and at which quoted price, if one was asked for: recipient_email names a
    person, "recipient": "self" means the account's own address. Exactly one of the two.
    """

    quote_id: QuoteIdField | None = None
