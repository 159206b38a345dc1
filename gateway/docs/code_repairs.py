"""Explain each numeric code in a sentence, and how to fix each error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.answers import response_codes as codes

NOTES: Final[Mapping[int, str]] = {
    codes.SUCCESS: "Done. 201: created. 202: accepted, and completed automatically.",
    codes.DELIVERED: "The recipient's wallet is credited and the voucher is issued.",
    codes.PENDING: "The funds are held until the platform or an approver has decided.",
    codes.INVALID_KEY: (
        "The credential is missing or unknown. Send `Authorization: Bearer ak_…`. `signature`, "
        "`timestamp`: a supplier's or payment provider's callback isn't signed with its secret."
    ),
    codes.INSUFFICIENT_BALANCE: (
        "The wallet lacks `lacking_cents`. `owed`: a debt must be paid first. `plan_used_up`: the "
        "plan's credit is used, and the wallet doesn't pay for its usage."
    ),
    codes.INVALID_PLATFORM: "The platform doesn't exist. `GET /platforms` lists them.",
    codes.INVALID_RECIPIENT: "The recipient isn't an email address, or none was given and the account has none.",
    codes.AMOUNT_OUT_OF_RANGE: "The amount is outside the platform's limits, `min` and `max`.",
    codes.DUPLICATE: (
        "The `reference` was already used, or the `Idempotency-Key` or `intent` came with another "
        "request. `transaction_id` is the first one's. `looks_repeated`: add `distinct` if the "
        "second send is intended."
    ),
    codes.MALFORMED: "The request can't be read, or a field is wrong. `errors[]` lists each one.",
    codes.CAP_EXCEEDED: (
        "The amount exceeds what the key, a key above it, or the account may spend or send until "
        "`resets_at`. `max_now_cents` is allowed now."
    ),
    codes.MISSING_SCOPE: "The credential is valid, but it may not do this, or not in this environment.",
    codes.KEY_ENDED: "The key has expired or was revoked.",
    codes.NOT_REDEEMABLE: (
        "The code can't be redeemed. `reason`: `unknown`, `redeemed`, `reversed`, `spent`, "
        "`disabled` or `expired`."
    ),
    codes.LIMIT_REACHED: "The maximum number is reached. One must be removed, or end, before another is created.",
    codes.PAYMENT_REQUIRED: (
        "With `next_action` `pay`, nothing was paid yet; `accepts` has the price. Otherwise an "
        "immediate payment was declined, and a user must update the payment method."
    ),
    codes.CANCELLED: "The top-up is cancelled and its funds are back.",
    codes.ALREADY_DELIVERED: "It is too late to cancel: the top-up is delivered, or handed to the platform.",
    codes.NOT_FOUND: (
        "There is no such ID or path. IDs of another account or environment look the same. The "
        "message names the kind."
    ),
    codes.ALREADY_SETTLED: "It is too late: the object has failed, was cancelled, or was already decided.",
    codes.FAILED_REFUNDED: "The platform refused, and the funds are back. The same send will fail again.",
    codes.APPROVAL_REQUIRED: (
        "The send exceeds the key's threshold for one send or a day. A user decides at "
        "`data.approval.url`, or an unrelated key does."
    ),
    codes.REVERSED: "Nothing of the top-up was used, and its funds are back.",
    codes.ALREADY_USED: (
        "The top-up can't be reversed. `reason`: `redeemed`, `spent`, `handed_over` (its supplier "
        "can't take it back), `kept` (its supplier refused), or `pending` (cancel it instead)."
    ),
    codes.REQUESTER_BLOCKED: (
        "The sending key, `requester_key_id`, may not make this send now. Your own key is fine. "
        "`requester_ended`: the top-up was cancelled, and its funds are back. `requester_paused`, "
        "`requester_limits`: nothing was decided, and the funds stay held."
    ),
    codes.NONE_ACCEPTED: (
        "Every item of the bulk send was refused, or `all_or_nothing` was set and one was. Nothing "
        "was sent or held. `data.errors` has the code and error of each item."
    ),
    codes.RATE_LIMITED: (
        "There were too many calls, or records and bytes in them. `Retry-After` says when the next "
        "one is accepted. `staging_quota`: today's storage in staging is used up; live isn't "
        "affected."
    ),
    codes.ADDRESS_NOT_ALLOWED: "The caller's address isn't on the key's allow-list.",
    codes.KEY_IN_PROGRESS: "The first call with this `Idempotency-Key` is still running.",
    codes.METHOD_NOT_ALLOWED: "The path has other methods, listed in `Allow`.",
    codes.PROVIDER_UNAVAILABLE: (
        "The payment provider doesn't respond. If `retryable` is false, it refused: the order has "
        "failed, and the operator must check."
    ),
    codes.INTERNAL: (
        "The gateway failed, or can't accept the call now. `storage_reserve`: staging accepts no "
        "changes until the operator frees space."
    ),
    codes.DELIVERY_FAILED: "The webhook didn't accept the sample. `data.attempt` contains its response.",
    codes.URL_INVALID: "The URL can't be used. `reason`: `scheme`, `credentials`, `port`, `address` or `form`.",
}


_SEND: Final = ("POST", "/topup/send")
_RIGHT: Final = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


@dataclass(frozen=True, slots=True)
class Repair:
    """How to fix an error. `call` is the method and path to call next, and `body` is its JSON."""

    sentence: str
    call: tuple[str, str] | None = None
    body: Mapping[str, Any] | None = None


REPAIRS: Final[Mapping[int, Repair]] = {
    codes.INVALID_KEY: Repair(
        "If `reason` is `unknown`, use another key, or create a sandbox account. If it is `missing`, "
        "`header`, `scheme`, `form` or `checksum`, send the whole key as `Authorization: Bearer ak_…`.",
        ("POST", "/keys/sandbox"),
    ),
    codes.INSUFFICIENT_BALANCE: Repair(
        "Add credit to the wallet, then repeat the call. In staging, use `POST /sandbox/fund`. "
        "In live, buy a pack that `GET /packs` lists. If `reason` is `plan_used_up`, change the plan, "
        "or wait for its next period.",
        ("POST", "/sandbox/fund"),
        {"amount_cents": 1000},
    ),
    codes.INVALID_PLATFORM: Repair(
        "Use one of the values in `errors[].allowed`. `did_you_mean` is the value most similar to yours.",
        _SEND,
        _RIGHT,
    ),
    codes.INVALID_RECIPIENT: Repair(
        "Send a valid email address such as user@example.com, or set `recipient` to `self`.",
        _SEND,
        _RIGHT,
    ),
    codes.AMOUNT_OUT_OF_RANGE: Repair(
        "Send an amount in cents from `errors[].minimum` to `errors[].maximum`. 1000 means $10.00.",
        _SEND,
        _RIGHT,
    ),
    codes.DUPLICATE: Repair(
        "`links` points to the earlier request's result. To repeat the request on purpose, use a new "
        "`Idempotency-Key`, and a new `reference` and `intent` if you send them.",
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
        "Wait until `resets_at`, or send at most `max_now_cents`: see `smaller_send` in `links`. "
        "Otherwise, a user can open the first page in `links` and raise the limit there.",
        ("GET", "/keys/self"),
    ),
    codes.MISSING_SCOPE: Repair(
        "Use another key, or have a user open the first page in `links` and grant the scopes in "
        "`required_scopes`. If `reason` is `account_suspended`, contact the operator of this gateway."
    ),
    codes.KEY_ENDED: Repair(
        "Create a new key, or give an expired key a later `expires_at`. A revoked key can't be restored."
    ),
    codes.NOT_REDEEMABLE: Repair(
        "This code can't be redeemed. See `reason`, and use another code."
    ),
    codes.LIMIT_REACHED: Repair(
        "Remove one of the objects listed in `links`, or wait until one finishes or expires. Then repeat the call."
    ),
    codes.PAYMENT_REQUIRED: Repair(
        "For `/x402/topup`, send the same body again with a payment: a `PAYMENT-SIGNATURE` for one "
        "of the entries in `accepts`, or the Payment credential that `WWW-Authenticate` requests. "
        "For other calls, a user must update the payment method at the provider."
    ),
    codes.ALREADY_DELIVERED: Repair(
        "The top-up can't be cancelled any more. If the credit is unused, reverse the top-up.",
        ("POST", "/topup/{transaction_id}/reverse"),
    ),
    codes.NOT_FOUND: Repair(
        "List the objects to find the right ID. If the path is wrong, `links` points to a similar path.",
        ("GET", "/topup/history"),
    ),
    codes.ALREADY_SETTLED: Repair(
        "The object can't be changed any more. `status` is its final state.",
        ("GET", "/topup/status/{transaction_id}"),
    ),
    codes.FAILED_REFUNDED: Repair(
        "Use another platform or recipient. The same send will fail again.",
        _SEND,
        _RIGHT,
    ),
    codes.ALREADY_USED: Repair("The top-up can't be reversed. `reason` says why."),
    codes.REQUESTER_BLOCKED: Repair(
        "If `reason` is `requester_ended`, send again with another key. Otherwise, resume the "
        "requesting key (`requester_paused`) or raise its limits (`requester_limits`), then "
        "approve again. To return the funds immediately, deny instead.",
        ("POST", "/approvals/{approval_id}/deny"),
    ),
    codes.NONE_ACCEPTED: Repair(
        "Fix each item in `data.errors` according to its code. Repeat the call with a new "
        "`Idempotency-Key`, because this response is stored under the old one. If all items have "
        "the same code, `next_action` and `links` apply to that code.",
        ("POST", "/topup/bulk"),
        {"items": [{**_RIGHT, "reference": "invoice 7"}]},
    ),
    codes.RATE_LIMITED: Repair("Repeat the call after `Retry-After` seconds."),
    codes.ADDRESS_NOT_ALLOWED: Repair("Have a user add your IP address to the key's allow-list."),
    codes.KEY_IN_PROGRESS: Repair(
        "Repeat the call after `Retry-After` seconds with the same `Idempotency-Key`. You will "
        "then get the first call's response."
    ),
    codes.METHOD_NOT_ALLOWED: Repair(
        "Use a method listed in `Allow`. `links` lists the calls that this path accepts."
    ),
    codes.PROVIDER_UNAVAILABLE: Repair(
        "Repeat the call after `Retry-After` seconds. If `retryable` is false, contact the "
        "operator."
    ),
    codes.INTERNAL: Repair(
        "Repeat the call after `Retry-After` seconds with the same `Idempotency-Key`. If it "
        "fails again, give the operator the `X-Request-Id`."
    ),
    codes.DELIVERY_FAILED: Repair(
        "Fix the receiver, then test it again. `data.attempt` contains its response.",
        ("POST", "/webhooks/{endpoint_id}/test"),
    ),
    codes.URL_INVALID: Repair(
        "Use a public https URL that the gateway can reach. It must not contain a user name.",
        ("POST", "/webhooks/register"),
        {"url": "https://example.com/hook"},
    ),
}
