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
        "`reason` says what is wrong. For missing, header, scheme, form or checksum, send the whole key as "
        "Authorization: Bearer ak_…. For unknown, use another key, or make a sandbox account with the call "
        "below.",
        ("POST", "/keys/sandbox"),
    ),
    codes.INSUFFICIENT_BALANCE: Repair(
        "Add credit, then repeat the call. In staging, use the call below; in live, buy a pack (GET /packs). "
        "For plan_used_up, change the plan or wait for its next period.",
        ("POST", "/sandbox/fund"),
        {"amount_cents": 1000},
    ),
    codes.INVALID_PLATFORM: Repair(
        "Use a value of errors[].allowed; did_you_mean is the most similar one.", _SEND, _RIGHT
    ),
    codes.INVALID_RECIPIENT: Repair(
        "Use an email address such as user@example.com, or recipient: self instead.",
        _SEND,
        _RIGHT,
    ),
    codes.AMOUNT_OUT_OF_RANGE: Repair(
        "Use an amount from errors[].minimum to errors[].maximum, in cents: 1000 is $10.00.",
        _SEND,
        _RIGHT,
    ),
    codes.DUPLICATE: Repair(
        "This was done before, and links name the earlier one. To repeat it on purpose, use a new "
        "Idempotency-Key, and another reference and intent if it has them.",
        ("GET", "/topup/status/{transaction_id}"),
    ),
    codes.MALFORMED: Repair(
        "Fix every field in errors[]: allowed, minimum, maximum, did_you_mean and example show valid values. "
        "Nothing was done, so reuse the same Idempotency-Key.",
        _SEND,
        _RIGHT,
    ),
    codes.CAP_EXCEEDED: Repair(
        "Wait until resets_at, or send at most max_now_cents now (smaller_send in links). A person can raise "
        "the limit on the first page of links.",
        ("GET", "/keys/self"),
    ),
    codes.MISSING_SCOPE: Repair(
        "Use a key that has the scope in required_scopes, or ask a person to add it on the first page of "
        "links. For account_suspended, contact the operator of this gateway."
    ),
    codes.KEY_ENDED: Repair("Use a new key, made by a person; a key that has ended stays ended."),
    codes.NOT_REDEEMABLE: Repair("This code can't be redeemed. `reason` says why."),
    codes.LIMIT_REACHED: Repair(
        "Remove one of the objects that links list, or wait until one has ended, then repeat the call."
    ),
    codes.PAYMENT_REQUIRED: Repair(
        "At /x402/topup, send the same body with PAYMENT-SIGNATURE for one of accepts, or with a Payment "
        "credential for WWW-Authenticate. Elsewhere a person updates the payment method at the provider."
    ),
    codes.ALREADY_DELIVERED: Repair(
        "The top-up can't be cancelled any more. The call below takes back what was not used.",
        ("POST", "/topup/{transaction_id}/reverse"),
    ),
    codes.NOT_FOUND: Repair(
        "Find the ID in its list. IDs of another account or environment are not found either. For a path, "
        "links name the nearest one.",
        ("GET", "/topup/history"),
    ),
    codes.ALREADY_SETTLED: Repair(
        "The top-up has ended; its status says how.", ("GET", "/topup/status/{transaction_id}")
    ),
    codes.FAILED_REFUNDED: Repair(
        "The platform refused, and the funds are back. The same call fails again, so use another platform or "
        "recipient.",
        _SEND,
        _RIGHT,
    ),
    codes.ALREADY_USED: Repair("It can't be changed any more; `reason` says why."),
    codes.REQUESTER_BLOCKED: Repair(
        "requester_ended: send the credit again with another key. requester_paused: resume that key, then "
        "approve again. requester_limits: raise its limits, then approve again. Or deny it: the held funds "
        "return at once.",
        ("POST", "/approvals/{approval_id}/deny"),
    ),
    codes.NONE_ACCEPTED: Repair(
        "Fix each item in data.errors as its own code says, then repeat the call with a new Idempotency-Key. "
        "If all items have one code, next_action and links are those of that code.",
        ("POST", "/topup/bulk"),
        {"items": [{**_RIGHT, "reference": "invoice 7"}]},
    ),
    codes.RATE_LIMITED: Repair("Repeat the call after Retry-After seconds."),
    codes.ADDRESS_NOT_ALLOWED: Repair("Ask a person to add the address to the key's allow-list."),
    codes.KEY_IN_PROGRESS: Repair(
        "Repeat the call with the same Idempotency-Key after Retry-After seconds. It gets the first call's "
        "response."
    ),
    codes.METHOD_NOT_ALLOWED: Repair(
        "Use a method of the Allow header; links name the calls of this path."
    ),
    codes.PROVIDER_UNAVAILABLE: Repair(
        "Repeat the call after Retry-After seconds. If retryable is false, a person has to act."
    ),
    codes.INTERNAL: Repair(
        "Repeat the call with the same Idempotency-Key after Retry-After seconds. The operator finds "
        "X-Request-Id in the gateway's log."
    ),
    codes.DELIVERY_FAILED: Repair(
        "Fix the receiver: data.attempt has its response. Then test it again.",
        ("POST", "/webhooks/{endpoint_id}/test"),
    ),
    codes.URL_INVALID: Repair(
        "Use an https address that the gateway can reach, without a user name and not private.",
        ("POST", "/webhooks/register"),
        {"url": "https://example.com/hook"},
    ),
}
