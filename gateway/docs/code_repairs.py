"""What to do about each error code: a sentence, and a correct call if one can be shown. A test checks that
none is missing and that each call is one of the API's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.answers import response_codes as codes

_SEND: Final = ("POST", "/topup/send")
_RIGHT: Final = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


@dataclass(frozen=True, slots=True)
class Repair:
    """call: (method, path) of the repaired or the next call, body: its JSON."""

    sentence: str
    call: tuple[str, str] | None = None
    body: Mapping[str, Any] | None = None


REPAIRS: Final[Mapping[int, Repair]] = {
    codes.INVALID_KEY: Repair(
        "reason says which form was not met: missing, header, scheme, form or checksum are mended by"
        " sending the key as Authorization: Bearer ak_…, whole. unknown: a person has to give another"
        " key, or a sandbox account makes one.",
        ("POST", "/keys/sandbox"),
    ),
    codes.INSUFFICIENT_BALANCE: Repair(
        "Put credit into the wallet, then send the same again: in staging with the call below, in live by"
        " buying a pack (GET /packs). plan_used_up: a person changes the plan, or its next period begins.",
        ("POST", "/sandbox/fund"),
        {"amount_cents": 1000},
    ),
    codes.INVALID_PLATFORM: Repair(
        "Take one of errors[].allowed; did_you_mean is the most similar.", _SEND, _RIGHT
    ),
    codes.INVALID_RECIPIENT: Repair(
        "Give an address of mail such as user@example.com, or recipient: self in its place.",
        _SEND,
        _RIGHT,
    ),
    codes.AMOUNT_OUT_OF_RANGE: Repair(
        "Take an amount from errors[].minimum to errors[].maximum, in cents: 1000 is $10.00.",
        _SEND,
        _RIGHT,
    ),
    codes.DUPLICATE: Repair(
        "It was done before: links name the earlier one. To do it once more on purpose, send it under a"
        " new Idempotency-Key, and with another reference and intent where it has one.",
        ("GET", "/topup/status/{transaction_id}"),
    ),
    codes.MALFORMED: Repair(
        "Mend every field of errors[]: allowed, minimum, maximum, did_you_mean and example say what is"
        " taken. Nothing was done, so the same Idempotency-Key may be used.",
        _SEND,
        _RIGHT,
    ),
    codes.CAP_EXCEEDED: Repair(
        "Wait until resets_at where it is given; max_now_cents passes now (smaller_send in links). Else a"
        " person raises the limit at the page that links name first.",
        ("GET", "/keys/self"),
    ),
    codes.MISSING_SCOPE: Repair(
        "A person gives the key the scope that required_scopes names, at the page that links name first, or another"
        " key is used. Where reason is"
        " account_suspended, only the operator of this gateway helps."
    ),
    codes.KEY_ENDED: Repair("A person makes a new key; an ended one never comes back."),
    codes.NOT_REDEEMABLE: Repair("Nothing makes this code good; reason says why."),
    codes.LIMIT_REACHED: Repair(
        "Remove one of those that links list, or wait until one has ended, then send the same again."
    ),
    codes.PAYMENT_REQUIRED: Repair(
        "At /x402/topup: send the same body with PAYMENT-SIGNATURE, which signs one of accepts, or with a"
        " Payment credential that answers WWW-Authenticate. Elsewhere a person updates the means of payment"
        " at the provider."
    ),
    codes.ALREADY_DELIVERED: Repair(
        "It cannot be cancelled any more. What was not used can be taken back.",
        ("POST", "/topup/{transaction_id}/reverse"),
    ),
    codes.NOT_FOUND: Repair(
        "Look for the id in its list; ids of another account or environment look the same. For a path,"
        " links name the nearest.",
        ("GET", "/topup/history"),
    ),
    codes.ALREADY_SETTLED: Repair(
        "It is over; its status says how.", ("GET", "/topup/status/{transaction_id}")
    ),
    codes.FAILED_REFUNDED: Repair(
        "The platform refused, and the funds are back. The same send will fail again: another platform or"
        " recipient may pass.",
        _SEND,
        _RIGHT,
    ),
    codes.ALREADY_USED: Repair("It stays as it is; reason says why."),
    codes.REQUESTER_BLOCKED: Repair(
        "requester_ended: the recipient's credit has to be sent again, by another key. requester_paused: resume"
        " that key, then approve again. requester_limits: widen its limits, then approve again. Or deny, and the"
        " held funds go back at once.",
        ("POST", "/approvals/{approval_id}/deny"),
    ),
    codes.NONE_ACCEPTED: Repair(
        "Fix each item of data.errors as its own code says, then send the call under a new Idempotency-Key: this"
        " answer is kept under the old one. If all of them have one code, next_action and links are those of that code.",
        ("POST", "/topup/bulk"),
        {"items": [{**_RIGHT, "reference": "invoice 7"}]},
    ),
    codes.RATE_LIMITED: Repair("Send the same again after Retry-After seconds."),
    codes.ADDRESS_NOT_ALLOWED: Repair("A person adds the address to the key's allow-list."),
    codes.KEY_IN_PROGRESS: Repair(
        "Send the same again, with the same Idempotency-Key, after Retry-After seconds: it gets the first"
        " one's answer."
    ),
    codes.METHOD_NOT_ALLOWED: Repair("Use a method of Allow; links name the calls of this path."),
    codes.PROVIDER_UNAVAILABLE: Repair(
        "Send the same again after Retry-After seconds. With retryable false a person has to look."
    ),
    codes.INTERNAL: Repair(
        "Send the same again, with the same Idempotency-Key, after Retry-After seconds. X-Request-Id finds"
        " it in the gateway's log."
    ),
    codes.DELIVERY_FAILED: Repair(
        "Mend the receiver: data.attempt says what it answered. Then test it again.",
        ("POST", "/webhooks/{endpoint_id}/test"),
    ),
    codes.URL_INVALID: Repair(
        "Give an https address that the gateway can reach: no user name in it, and no private address.",
        ("POST", "/webhooks/register"),
        {"url": "https://example.com/hook"},
    ),
}
