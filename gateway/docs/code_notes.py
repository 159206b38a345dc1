"""Explain each code in a sentence; a test checks that none is missing."""

from collections.abc import Mapping
from typing import Final

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
    codes.DELIVERY_FAILED: "The webhook didn't accept the sample. `data.attempt` has its response.",
    codes.URL_INVALID: "The URL can't be used. `reason`: `scheme`, `credentials`, `port`, `address` or `form`.",
}
