"""Explain each code in a sentence; a test checks that none is missing."""

from collections.abc import Mapping
from typing import Final

from gateway.answers import response_codes as codes

NOTES: Final[Mapping[int, str]] = {
    codes.SUCCESS: "It is done: 201 where something was made, 202 where it goes on by itself.",
    codes.DELIVERED: "The recipient's wallet is credited and the voucher is issued.",
    codes.PENDING: "The funds are held until the platform or a person has decided.",
    codes.INVALID_KEY: (
        "No credential, or none that is known. Send Authorization: Bearer ak_…. signature and timestamp: a"
        " supplier's or a payment provider's callback isn't signed as its secret has it."
    ),
    codes.INSUFFICIENT_BALANCE: (
        "The wallet does not hold what can be sent, and lacks lacking_cents. owed: a debt comes first."
        " plan_used_up: the plan's credit is used, and credit in the wallet doesn't pay for its usage."
    ),
    codes.INVALID_PLATFORM: "No such platform; GET /platforms lists them.",
    codes.INVALID_RECIPIENT: "Not an address, or none was given and the account has none.",
    codes.AMOUNT_OUT_OF_RANGE: "Outside the platform's limits, which min and max tell.",
    codes.DUPLICATE: (
        "The reference was used before, or the Idempotency-Key or the intent came with another request;"
        " transaction_id is the first one's. looks_repeated: say distinct, if it is another."
    ),
    codes.MALFORMED: "The request cannot be read or a field does not fit; errors[] names each one.",
    codes.CAP_EXCEEDED: (
        "More than the key, one it descends from, or the account may spend or send until resets_at;"
        " max_now_cents passes now."
    ),
    codes.MISSING_SCOPE: "The credential is good, but it may not do this, or not in this environment.",
    codes.KEY_ENDED: "The key was good once: it expired, or somebody revoked it.",
    codes.NOT_REDEEMABLE: "reason says why: unknown, redeemed, reversed, spent, disabled or expired.",
    codes.LIMIT_REACHED: "There are as many as there may be: one has to go, or to end, before another.",
    codes.PAYMENT_REQUIRED: (
        "Nothing was paid yet: next_action pay, and accepts has the price. Else what is to be paid at once"
        " was declined; a person updates the means of payment."
    ),
    codes.CANCELLED: "The top-up is off and its funds are back.",
    codes.ALREADY_DELIVERED: "Too late to cancel: delivered, or handed to the platform.",
    codes.NOT_FOUND: (
        "No such id or path. Another account's or environment's looks the same; the message names"
        " the kind."
    ),
    codes.ALREADY_SETTLED: "Too late: it failed, was cancelled, or somebody has decided.",
    codes.FAILED_REFUNDED: "The platform refused. The funds are back; sending the same again will fail.",
    codes.APPROVAL_REQUIRED: (
        "Above the key's threshold for one send or for a day's: data.approval.url is where a person"
        " decides, or a key of another lineage does."
    ),
    codes.REVERSED: "Nothing of the top-up was used, and its funds are back.",
    codes.ALREADY_USED: (
        "reason says why it stays: redeemed, spent, handed_over (its supplier cannot take it back), kept"
        " (its supplier said no), or pending (cancel it instead)."
    ),
    codes.REQUESTER_BLOCKED: (
        "The key that asked for the send, requester_key_id, may not make it now. Your own key is fine."
        " requester_ended: the top-up was cancelled, and its funds are back. requester_paused and"
        " requester_limits: nothing was decided, and the funds stay held."
    ),
    codes.NONE_ACCEPTED: (
        "Each item of the bulk send was refused, or all or nothing was asked for and one was: nothing was sent, and"
        " nothing is held. data.errors has the code and the error of each."
    ),
    codes.RATE_LIMITED: (
        "Too many calls, or records and bytes in them; Retry-After says when the next one passes."
        " staging_quota: the account stored as much in staging today as it may; live is not affected."
    ),
    codes.ADDRESS_NOT_ALLOWED: "The caller's address is not on the key's allow-list.",
    codes.KEY_IN_PROGRESS: "The first call with this Idempotency-Key still runs; ask again.",
    codes.METHOD_NOT_ALLOWED: "The path takes other methods, which Allow lists.",
    codes.PROVIDER_UNAVAILABLE: (
        "The payment provider does not answer; try again. With `retryable` false it refused: the order"
        " has failed, and the operator has to look."
    ),
    codes.INTERNAL: (
        "Our fault, or we cannot take it now. Try again with the same Idempotency-Key. storage_reserve:"
        " staging takes no changes until the operator makes room."
    ),
    codes.DELIVERY_FAILED: "The webhook did not take the sample; data.attempt says what it answered.",
    codes.URL_INVALID: "reason says what is wrong with the URL: scheme, credentials, port, address, form.",
}
