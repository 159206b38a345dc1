"""Define all numeric codes in one table. A published code never changes its number or meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kernel.refused import NextAction
from kernel.words import TopUpStatus

SUCCESS: Final = 1000
DELIVERED: Final = 1001
PENDING: Final = 1002
INVALID_KEY: Final = 2001
INSUFFICIENT_BALANCE: Final = 2002
INVALID_PLATFORM: Final = 2003
INVALID_RECIPIENT: Final = 2004
AMOUNT_OUT_OF_RANGE: Final = 2005
DUPLICATE: Final = 2006
MALFORMED: Final = 2007
CAP_EXCEEDED: Final = 2008
MISSING_SCOPE: Final = 2009
KEY_ENDED: Final = 2010
NOT_REDEEMABLE: Final = 2011
LIMIT_REACHED: Final = 2012
PAYMENT_REQUIRED: Final = 2013
CANCELLED: Final = 3001
ALREADY_DELIVERED: Final = 3002
NOT_FOUND: Final = 3003
ALREADY_SETTLED: Final = 3004
FAILED_REFUNDED: Final = 3005
APPROVAL_REQUIRED: Final = 3006
REVERSED: Final = 3007
ALREADY_USED: Final = 3008
REQUESTER_BLOCKED: Final = 3009
NONE_ACCEPTED: Final = 3010
RATE_LIMITED: Final = 4001
ADDRESS_NOT_ALLOWED: Final = 4002
KEY_IN_PROGRESS: Final = 4003
METHOD_NOT_ALLOWED: Final = 4004
PROVIDER_UNAVAILABLE: Final = 4005
INTERNAL: Final = 5000
DELIVERY_FAILED: Final = 5001
URL_INVALID: Final = 5002


@dataclass(frozen=True, slots=True)
class Code:
    """A numeric code. The first of its HTTP statuses is the usual one."""

    code: int
    message: str
    http_statuses: tuple[int, ...]
    next_action: NextAction | None = None
    is_retryable: bool = False

    @property
    def http_status(self) -> int:
        return self.http_statuses[0]

    @property
    def is_success(self) -> bool:
        return self.http_statuses[0] < 400


_ROWS = (
    Code(SUCCESS, "Success", (200, 201, 202)),
    Code(DELIVERED, "Top-up delivered", (200,)),
    Code(PENDING, "Top-up pending", (202, 200)),
    Code(INVALID_KEY, "Invalid API key", (401,), "ask_human"),
    Code(INSUFFICIENT_BALANCE, "Insufficient balance", (402,), "top_up"),
    Code(INVALID_PLATFORM, "Invalid platform", (422,), "fix_request"),
    Code(INVALID_RECIPIENT, "Invalid recipient email", (422,), "fix_request"),
    Code(AMOUNT_OUT_OF_RANGE, "Amount out of range", (422,), "fix_request"),
    Code(DUPLICATE, "Duplicate transaction", (409,), "stop"),
    Code(MALFORMED, "Malformed request", (422, 400, 413, 415), "fix_request"),
    Code(CAP_EXCEEDED, "Spend cap exceeded", (402,), "ask_human"),
    Code(MISSING_SCOPE, "Not permitted for this credential", (403,), "ask_human"),
    Code(KEY_ENDED, "API key expired or revoked", (401,), "ask_human"),
    Code(NOT_REDEEMABLE, "Voucher or code not redeemable", (409, 404, 410), "stop"),
    Code(LIMIT_REACHED, "Limit reached", (409,), "ask_human"),
    Code(PAYMENT_REQUIRED, "Payment required", (402,), "ask_human"),
    Code(CANCELLED, "Cancelled successfully", (200,)),
    Code(ALREADY_DELIVERED, "Cannot cancel — already delivered", (409,), "stop"),
    Code(NOT_FOUND, "Transaction not found", (404,), "fix_request"),
    Code(ALREADY_SETTLED, "Not possible in its present state", (409,), "stop"),
    Code(FAILED_REFUNDED, "Top-up failed, funds refunded", (422, 200), "stop"),
    Code(APPROVAL_REQUIRED, "Approval required", (202,)),
    Code(REVERSED, "Top-up reversed", (200,)),
    Code(ALREADY_USED, "Cannot reverse — already used", (409,), "stop"),
    Code(REQUESTER_BLOCKED, "Cannot approve — the requesting key is blocked", (409,), "ask_human"),
    Code(NONE_ACCEPTED, "No item accepted", (422,), "fix_request"),
    Code(RATE_LIMITED, "Rate limit exceeded", (429,), "wait", is_retryable=True),
    Code(ADDRESS_NOT_ALLOWED, "IP not whitelisted", (403,), "ask_human"),
    Code(
        KEY_IN_PROGRESS,
        "Same idempotency key still in progress",
        (409,),
        "wait",
        is_retryable=True,
    ),
    Code(METHOD_NOT_ALLOWED, "Method not allowed", (405,), "fix_request"),
    Code(PROVIDER_UNAVAILABLE, "Payment provider unavailable", (503,), "wait", is_retryable=True),
    Code(INTERNAL, "Internal error", (500, 503), "wait", is_retryable=True),
    Code(DELIVERY_FAILED, "Webhook delivery failed", (422,), "ask_human"),
    Code(URL_INVALID, "Webhook URL invalid", (422,), "fix_request"),
)

CODES: Final = {row.code: row for row in _ROWS}

OUTCOMES: Final[Mapping[TopUpStatus, int]] = {
    "delivered": DELIVERED,
    "scheduled": PENDING,
    "pending": PENDING,
    "failed": FAILED_REFUNDED,
    "cancelled": CANCELLED,
    "reversing": PENDING,
    "reversed": REVERSED,
}
