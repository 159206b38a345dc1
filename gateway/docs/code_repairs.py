"""What to do about each error code: a sentence, and a correct call if one can be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.answers import response_codes as codes

_SEND: Final = ("POST", "/topup/send")
_RIGHT: Final = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


@dataclass(frozen=True, slots=True)
class Repair:
    """call: (method, path) of the repaired or the next call. body: its JSON."""

    sentence: str
    call: tuple[str, str] | None = None
    body: Mapping[str, Any] | None = None


REPAIRS: Final[Mapping[int, Repair]] = {
    codes.INVALID_KEY: Repair(
        "`missing`, `header`, `scheme`, `form`, `checksum`: send the whole key as `Authorization: "
        "Bearer ak_…`. `unknown`: use another key, or create a sandbox account.",
        ("POST", "/keys/sandbox"),
    ),
    codes.INSUFFICIENT_BALANCE: Repair(
        "Add credit to the wallet, then repeat the call: in staging with the call below, in live "
        "by buying a pack (`GET /packs`). `plan_used_up`: change the plan, or wait for its next "
        "period.",
        ("POST", "/sandbox/fund"),
        {"amount_cents": 1000},
    ),
    codes.INVALID_PLATFORM: Repair(
        "Use one of `errors[].allowed`. `did_you_mean` is the most similar.", _SEND, _RIGHT
    ),
    codes.INVALID_RECIPIENT: Repair(
        "Give an email address such as user@example.com, or `recipient: self` instead.",
        _SEND,
        _RIGHT,
    ),
    codes.AMOUNT_OUT_OF_RANGE: Repair(
        "Give an amount from `errors[].minimum` to `errors[].maximum` in cents. 1000 is $10.00.",
        _SEND,
        _RIGHT,
    ),
    codes.DUPLICATE: Repair(
        "`links` name the earlier one. To do it again on purpose, use a new `Idempotency-Key`, and "
        "another `reference` and `intent` if you send them.",
        ("GET", "/topup/status/{transaction_id}"),
    ),
    codes.MALFORMED: Repair(
        "Fix every field listed in `errors[]`. `allowed`, `minimum`, `maximum`, `did_you_mean` and "
        "`example` say what is accepted. Nothing was done, so you can use the same "
        "`Idempotency-Key`.",
        _SEND,
        _RIGHT,
    ),
    codes.CAP_EXCEEDED: Repair(
        "Wait until `resets_at`, or send at most `max_now_cents` (`smaller_send` in `links`). "
        "Otherwise a user raises the limit on the page that `links` name first.",
        ("GET", "/keys/self"),
    ),
    codes.MISSING_SCOPE: Repair(
        "Use another key, or have a user grant the scope in `required_scopes` on the page that "
        "`links` name first. `account_suspended`: contact the operator of this gateway."
    ),
    codes.KEY_ENDED: Repair("Create a new key. An ended key can't be restored."),
    codes.NOT_REDEEMABLE: Repair(
        "This code can't be redeemed. See `reason`, and use another code."
    ),
    codes.LIMIT_REACHED: Repair(
        "Remove one of those that `links` list, or wait until one ends. Then repeat the call."
    ),
    codes.PAYMENT_REQUIRED: Repair(
        "At `/x402/topup`, send the same body with `PAYMENT-SIGNATURE`, which signs one of "
        "`accepts`, or with a Payment credential for `WWW-Authenticate`. Elsewhere a user updates "
        "the payment method at the provider."
    ),
    codes.ALREADY_DELIVERED: Repair(
        "The top-up can't be cancelled any more. If it wasn't used, reverse it.",
        ("POST", "/topup/{transaction_id}/reverse"),
    ),
    codes.NOT_FOUND: Repair(
        "Find the ID in its list. For a path, `links` name the nearest.",
        ("GET", "/topup/history"),
    ),
    codes.ALREADY_SETTLED: Repair(
        "Nothing can be changed any more. `status` has the result.",
        ("GET", "/topup/status/{transaction_id}"),
    ),
    codes.FAILED_REFUNDED: Repair(
        "Use another platform or recipient. The same send will fail again.",
        _SEND,
        _RIGHT,
    ),
    codes.ALREADY_USED: Repair("The top-up stays delivered. See `reason`."),
    codes.REQUESTER_BLOCKED: Repair(
        "`requester_ended`: send again with another key. `requester_paused`: resume that key, then "
        "approve again. `requester_limits`: raise its limits, then approve again. Or deny, and the "
        "funds return immediately.",
        ("POST", "/approvals/{approval_id}/deny"),
    ),
    codes.NONE_ACCEPTED: Repair(
        "Fix each item of `data.errors` as its code says. Send the call with a new "
        "`Idempotency-Key`, because this response is stored under the old one. If all items have "
        "one code, `next_action` and `links` are those of that code.",
        ("POST", "/topup/bulk"),
        {"items": [{**_RIGHT, "reference": "invoice 7"}]},
    ),
    codes.RATE_LIMITED: Repair("Repeat the call after `Retry-After` seconds."),
    codes.ADDRESS_NOT_ALLOWED: Repair("Have a user add the address to the key's allow-list."),
    codes.KEY_IN_PROGRESS: Repair(
        "Repeat the call after `Retry-After` seconds with the same `Idempotency-Key`. You get the "
        "first call's response."
    ),
    codes.METHOD_NOT_ALLOWED: Repair(
        "Use a method listed in `Allow`. `links` list the calls of this path."
    ),
    codes.PROVIDER_UNAVAILABLE: Repair(
        "Repeat the call after `Retry-After` seconds. If `retryable` is false, contact the "
        "operator."
    ),
    codes.INTERNAL: Repair(
        "Repeat the call after `Retry-After` seconds with the same `Idempotency-Key`. "
        "`X-Request-Id` finds it in the gateway's log."
    ),
    codes.DELIVERY_FAILED: Repair(
        "Fix the receiver, then test it again. `data.attempt` has its response.",
        ("POST", "/webhooks/{endpoint_id}/test"),
    ),
    codes.URL_INVALID: Repair(
        "Give a public https address that the gateway can reach, without a user name.",
        ("POST", "/webhooks/register"),
        {"url": "https://example.com/hook"},
    ),
}
