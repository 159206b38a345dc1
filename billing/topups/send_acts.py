"""Top-ups: validate and send them, follow their status, list their history, and cancel them.

The acts on existing top-ups are in billing/topups/acts.py.
"""

from typing import Annotated, ClassVar, Final, Literal, NamedTuple

from msgspec import Meta

from billing.engine.engine import Engine
from billing.ledger.ledger import InsufficientBalance
from billing.topups.platform import InvalidPlatform
from billing.topups.platform_rows import AMOUNT_CENTS_MAX
from billing.topups.rules import TopUpRules
from billing.topups.send import (
    QUOTE_ID_CHARACTERS_MAX,
    AmountOutOfRange,
    Caller,
    Rehearsal,
    Send,
    SendRequest,
    Sent as Decided,
    new_send,
    prepare,
    quote_id,
    with_quote,
)
from billing.topups.topup import (
    LOCALE_CHARACTERS_MAX,
    MESSAGE_CHARACTERS_MAX,
    DeliveryOptions,
    DuplicateReference,
)
from billing.topups.views import Quote, Sent
from kernel.clock import rfc3339
from kernel.fields import LINE, Fields, Int64, Text, Time, said, time_us, within
from kernel.limits import (
    INTENT_CHARACTERS_MAX,
    INTENT_CHARACTERS_MIN,
    METADATA_KEY_CHARACTERS_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
)
from keys.act import MERCHANT, CallContext, EngineAct, StepsAct
from keys.caps import CapExceeded
from keys.normalise import InvalidEmail
from keys.vault import Vault

SENDS: Final = ("topup:send",)
Address = Annotated[str, Meta(max_length=320)]
SenderReferenceField = Annotated[
    str, Meta(min_length=1, max_length=REFERENCE_CHARACTERS_MAX, pattern=LINE)
]
MetadataKey = Annotated[
    str, Meta(min_length=1, max_length=METADATA_KEY_CHARACTERS_MAX, pattern=LINE)
]
# A language tag (RFC 5646).
LOCALE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}\Z"
VISIBLE = r"^[!-~]*\Z"
# Exclude characters that change the direction of the text after them.
MESSAGE = r"^[^\u202a-\u202e\u2066-\u2069]*\Z"
MetadataValue = Annotated[str, Meta(max_length=METADATA_VALUE_CHARACTERS_MAX)]


QuoteIdField = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=QUOTE_ID_CHARACTERS_MAX,
        description="The `quote_id` from POST /topup/validate for the same send, at most ten minutes old. The send"
        " costs exactly what was quoted, or is refused.",
    ),
]
IntentField = Annotated[
    str,
    Meta(
        min_length=INTENT_CHARACTERS_MIN,
        max_length=INTENT_CHARACTERS_MAX,
        pattern=VISIBLE,
        description="Your own ID for this top-up, such as a UUID, unique in the environment. A send with the same"
        " intent, platform, amount and recipient is the same top-up, whichever key of the account sends"
        " it and whether by API, MCP, x402 or a page. Any other send with this intent is refused.",
    ),
]


class DeliveryBody(Fields, frozen=True, kw_only=True):
    """How the recipient gets the top-up. Recipients need no account."""

    email: Annotated[
        bool,
        Meta(description="Mail a link to the claim page after delivery."),
    ] = False
    locale: (
        Annotated[
            str,
            Meta(
                max_length=LOCALE_CHARACTERS_MAX,
                pattern=LOCALE,
                description="The language of the mail and the claim page, such as es or zh-Hans. English, Arabic, Chinese and"
                " Spanish are available; anything else becomes English.",
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
                description="A message to the recipient, in plain text.",
            ),
        ]
        | None
    ) = None


class OneSend(Fields, frozen=True, kw_only=True):
    """What to send, and to whom. Give either `recipient_email` or, for the account's own address, `"recipient":
    "self"`.
    """

    exactly_one: ClassVar[tuple[str, str] | None] = ("recipient_email", "recipient")

    platform: Annotated[Text, Meta(description="The platform to top up; see GET /platforms.")]
    amount_cents: Annotated[
        Int64,
        within(1, AMOUNT_CENTS_MAX),
        Meta(description="The amount in US cents, within the platform's limits."),
    ]
    recipient_email: (
        Annotated[
            Address,
            Meta(
                description="The recipient's email address. Required unless `recipient` is given."
            ),
            said(words={"": "your own address"}),
        ]
        | None
    ) = None
    recipient: (
        Annotated[
            Literal["self"],
            Meta(description="Sends to your account's own address, instead of `recipient_email`."),
        ]
        | None
    ) = None
    reference: (
        Annotated[
            SenderReferenceField,
            Meta(description="Your own reference for the top-up, unique in the environment."),
        ]
        | None
    ) = None
    metadata: (
        Annotated[
            dict[MetadataKey, MetadataValue],
            Meta(
                max_length=METADATA_PAIRS_MAX,
                description="Your own names and values, which events contain.",
            ),
        ]
        | None
    ) = None
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS_MAX)] | None = None
    delivery: Annotated[DeliveryBody | None, Meta(description="How to notify the recipient.")] = (
        None
    )
    send_at: (
        Annotated[
            Time,
            Meta(
                description="The time to send, at most 90 days ahead. If omitted, the top-up is sent immediately."
            ),
        ]
        | None
    ) = None
    distinct: Annotated[
        bool,
        Meta(
            description="Confirms that this isn't a repetition, although it looks like a recent send; see the key's"
            " `repeat_guard_s`."
        ),
    ] = False


class ValidateBody(OneSend, frozen=True, kw_only=True):
    """What would be sent, and to whom. Give either `recipient_email` or, for the account's own address, `"recipient":
    "self"`.
    """

    intent: IntentField | None = None


class SendBody(ValidateBody, frozen=True, kw_only=True):
    """What to send, to whom, and optionally at which quoted price. Give either `recipient_email` or, for the account's
    own address, `"recipient": "self"`.
    """

    quote_id: QuoteIdField | None = None


class Rehearsed(NamedTuple):
    quote: Quote
    sent: Decided


async def send(context: CallContext, asked: SendBody) -> Send:
    request = request_of(context, asked, asked.quote_id, asked.intent)
    origin = context.origin
    return new_send(context.caller, request, Caller(origin.address, origin.masked_key))


async def validate(context: CallContext, asked: ValidateBody) -> Rehearsed:
    caller = context.caller
    request = request_of(context, asked, None, asked.intent)
    quote, sent = await context.service(Engine).rehearse(Rehearsal(new_send(caller, request)))
    vault = context.service(Vault)
    shown = Quote.of(
        quote,
        quote_id=quote_id(vault, caller, request, quote.ends_at),
        quote_expires_at=rfc3339(quote.ends_at),
    )
    return Rehearsed(shown, sent)


def request_of(
    context: CallContext, asked: OneSend, quoted: str | None, intent: str | None
) -> SendRequest:
    """Return the caller's send. If it names a quote, the send has the quoted fee."""
    caller, rules = context.caller, context.service(TopUpRules)
    platforms, address = rules.platforms.of(caller.environment), asked.recipient_email
    if address is None:
        platforms.find(asked.platform)
        address = caller.account_email
    if address is None:
        raise InvalidEmail("The account has no email address. Give a recipient_email.")
    delivery = asked.delivery
    request = prepare(
        platforms,
        account_id=caller.account_id,
        platform=asked.platform,
        amount_cents=asked.amount_cents,
        recipient_email=address,
        reference=asked.reference,
        metadata=asked.metadata,
        note=asked.note,
        delivery=None
        if delivery is None
        else DeliveryOptions(delivery.email, delivery.locale, delivery.message),
        send_at=None if asked.send_at is None else time_us(asked.send_at, "send_at"),
        is_distinct=asked.distinct,
        intent=intent,
    )
    return (
        request if quoted is None else with_quote(context.service(Vault), caller, request, quoted)
    )


_REFUSES: Final = (
    InsufficientBalance,
    InvalidPlatform,
    InvalidEmail,
    AmountOutOfRange,
    DuplicateReference,
    CapExceeded,
)
SEND: Final = EngineAct(
    name="topups.send",
    summary="Send prepaid credit to a recipient's wallet",
    description="One transaction debits the account's wallet, credits the recipient's wallet, issues the voucher and"
    " queues the webhook. The top-up is pending if its supplier needs time or a user must approve. With `send_at` it"
    " is scheduled: its funds are held and the caps counted now, and you can cancel it until then. At that time the"
    " key, the account and the platform are checked again; if one of them refuses, the response is 3005 and the"
    " funds are returned. Give an Idempotency-Key, and a repeated call sends once. An `intent` does the same for all"
    " keys of the account, by API, MCP, x402 or a page.",
    path="/topup/send",
    scopes=SENDS,
    audience=(MERCHANT,),
    input=SendBody,
    command=send,
    result=Sent,
    outcomes=("delivered", "pending", "cancelled", "reversed"),
    refuses=_REFUSES,
    moves_money=True,
    asks="Send {amount_cents} of {platform} to {recipient_email}?",
    examples=(
        "topup topups send --platform claude --amount-cents 500 --recipient-email ann@acme.example",
    ),
)
VALIDATE: Final = StepsAct(
    name="topups.validate",
    summary="Validate a send: check the same rules, and write nothing",
    path="/topup/validate",
    scopes=SENDS,
    audience=(MERCHANT,),
    input=ValidateBody,
    run=validate,
    result=Quote,
    refuses=_REFUSES,
    takes_key=False,
    is_for_paused=True,
    examples=("topup topups validate --platform claude --amount-cents 500 --recipient self",),
)
ACTS: Final = (SEND, VALIDATE)
