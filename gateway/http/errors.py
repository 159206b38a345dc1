"""Define the code and HTTP status of each expected error in one table. Any other error has code 5000."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.bulk.acceptance import BatchCancelled
from billing.catalog.coupon import CouponRefused, CouponTaken
from billing.catalog.pack import PackTaken
from billing.catalog.plan import PlanTaken
from billing.credits.checkin import AlreadyCheckedIn, BudgetExhausted, CheckinOff
from billing.documents.document import NoReceipt, NoSeller
from billing.engine.limit import LooksRepeated
from billing.fulfilment.protocol import SignatureRefused
from billing.ledger.ledger import InsufficientBalance
from billing.machine_payments.payment import NotOffered, PaymentRequired, PaymentUsed
from billing.manual_review.rules import NotNow
from billing.orders.order import OrderDecided, TooManyOrders
from billing.payments.payments import NoWebhookSecret
from billing.providers.abilities import PaymentDeclined
from billing.providers.protocol import (
    NotificationRefused,
    PriceRefused,
    ProviderRefused,
    ProviderUnavailable,
)
from billing.recipients.mail_acts import MailLimitReached, MailUnderWay, NotYetDelivered
from billing.refunds.commands import (
    NotRefundable,
    RefundRefused,
    RefundRepeated,
    RefundUnderWay,
)
from billing.reports.topup_receipt import NoReceiptYet
from billing.subscriptions.free_period import CompRefused, CompRepeated
from billing.subscriptions.subscription import AlreadySubscribed
from billing.subscriptions.subscription_change import ChangeNotAllowed
from billing.topups.approval import ApprovalDecided
from billing.topups.fulfilment import AttemptEnded, ReportRecorded, StillOpen
from billing.topups.platform import InvalidPlatform
from billing.topups.platform_rows import PlatformTaken
from billing.topups.reverse import AlreadyUsed
from billing.topups.rules import NotRedeemable
from billing.topups.send import AmountOutOfRange, RateLimited as SandboxRateLimited
from billing.topups.settlement import AwaitsApproval, RequesterBlocked, WrongStateForApproval
from billing.topups.topup import AlreadyDelivered, AlreadyEnded, DuplicateReference
from billing.topups.voucher_redemption import ExternalNotAllowed
from billing.topups.working_set import IntentMet, IntentUsed
from billing.usage.hold import HoldEnded
from billing.usage.oauth_charge import OrderNoReused
from gateway.answers import response_codes as codes
from gateway.answers.refusals import Refusal
from gateway.http.body import BodyTooLarge, MediaTypeRefused
from gateway.http.fields import EnvironmentMismatch, Unreadable
from gateway.http.password_again import PasswordRequired
from gateway.http.rate_limit import RateLimited
from gateway.http.request_context import RequestContext
from gateway.http.routing import MethodNotAllowed
from gateway.http.session_cookie import ForgeryRefused, SignInRefused
from kernel.errors import DomainError, InvalidInput, LimitReached, NotFound, Unavailable
from kernel.refused import NextAction
from keys.account import EmailTaken
from keys.account_access import AccountSuspended, LiveNotOpen
from keys.api_keys.grantable import KeyLimitReached
from keys.authenticator import InvalidCredential
from keys.authorization.client import AuthorizationRefused, ClientUnknown
from keys.caps import CapExceeded
from keys.mandate import KeyPaused, OutsideMandate
from keys.normalise import InvalidEmail
from keys.oauth.app import ClientRefused
from keys.oauth.grant import CodeRefused
from keys.oauth.redirect import RedirectRefused
from keys.principal import AddressNotAllowed, CredentialEnded, ScopeMissing
from keys.staging_quota import StagingClosed, StagingFull
from keys.tokens.device_login import LoginDenied, LoginExpired
from store.errors import CommitUnknown, ConnectionLost, Contention, StoreError, Unable
from store.idempotency import KeyInProgress, KeyReused
from webhooks.certification.certify import CannotSign
from webhooks.deliveries.delivery import CannotCancel
from webhooks.delivery_log.acts import SampleRefused
from webhooks.endpoints.endpoint import TooManyEndpoints
from webhooks.events.feed import TooManyStreams, TooManyWaits
from webhooks.http.guard import UrlRefused
from webhooks.replays.replay import ReplayEnded, ReplayOverlaps, TooManyReplays
from webhooks.subscriptions.subscription import TooManySubscriptions

_log = logging.getLogger(__name__)
_OUTAGES: Final = (Contention, Unable, ConnectionLost, CommitUnknown)
_DOCS_PATH = "/docs/codes"
RETRY_AFTER_S = 1
_HIDDEN = "something went wrong on our side; the request id finds it in our log"
_AWAY = "the gateway cannot take the request now; try again"
_UNKNOWN = "the database does not say yet whether it was done: look for it before you do it again"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The code and HTTP status of an error.

    `by_reason` contains statuses that depend on the error's reason. If `is_final`, repeating the same request won't
    help.
    """

    code: int
    http_status: int
    by_reason: Mapping[str, int] | None = None
    is_final: bool = False
    next_action: NextAction | None = None


TABLE: Final[Mapping[type[DomainError], ErrorRow]] = {
    InvalidCredential: ErrorRow(codes.INVALID_KEY, 401),
    CredentialEnded: ErrorRow(codes.KEY_ENDED, 401),
    SignatureRefused: ErrorRow(codes.INVALID_KEY, 401, next_action="fix_request"),
    NotificationRefused: ErrorRow(codes.INVALID_KEY, 401, next_action="fix_request"),
    SignInRefused: ErrorRow(codes.INVALID_KEY, 401),
    ClientRefused: ErrorRow(codes.INVALID_KEY, 401),
    ClientUnknown: ErrorRow(codes.INVALID_KEY, 401),
    AuthorizationRefused: ErrorRow(codes.MALFORMED, 400),
    CodeRefused: ErrorRow(codes.MALFORMED, 400),
    LoginExpired: ErrorRow(codes.MALFORMED, 400),
    LoginDenied: ErrorRow(codes.MISSING_SCOPE, 403, is_final=True),
    RedirectRefused: ErrorRow(codes.MALFORMED, 422),
    OutsideMandate: ErrorRow(codes.MISSING_SCOPE, 403),
    KeyPaused: ErrorRow(codes.MISSING_SCOPE, 403),
    AccountSuspended: ErrorRow(codes.MISSING_SCOPE, 403),
    AddressNotAllowed: ErrorRow(codes.ADDRESS_NOT_ALLOWED, 403),
    ScopeMissing: ErrorRow(codes.MISSING_SCOPE, 403),
    EnvironmentMismatch: ErrorRow(codes.MISSING_SCOPE, 403),
    ExternalNotAllowed: ErrorRow(codes.MISSING_SCOPE, 403),
    AwaitsApproval: ErrorRow(codes.MISSING_SCOPE, 403),
    ForgeryRefused: ErrorRow(codes.MISSING_SCOPE, 403),
    StagingFull: ErrorRow(codes.RATE_LIMITED, 429),
    StagingClosed: ErrorRow(codes.INTERNAL, 503),
    RateLimited: ErrorRow(codes.RATE_LIMITED, 429),
    SandboxRateLimited: ErrorRow(codes.RATE_LIMITED, 429),
    MailLimitReached: ErrorRow(codes.RATE_LIMITED, 429),
    TooManyStreams: ErrorRow(codes.RATE_LIMITED, 429),
    TooManyWaits: ErrorRow(codes.RATE_LIMITED, 429),
    Unreadable: ErrorRow(codes.MALFORMED, 400),
    BodyTooLarge: ErrorRow(codes.MALFORMED, 413),
    MediaTypeRefused: ErrorRow(codes.MALFORMED, 415),
    InvalidInput: ErrorRow(codes.MALFORMED, 422),
    NotYetDelivered: ErrorRow(codes.MALFORMED, 422),
    PasswordRequired: ErrorRow(codes.MISSING_SCOPE, 403),
    EmailTaken: ErrorRow(codes.MALFORMED, 422),
    LiveNotOpen: ErrorRow(codes.MISSING_SCOPE, 403, is_final=True),
    LimitReached: ErrorRow(codes.LIMIT_REACHED, 409),
    KeyLimitReached: ErrorRow(codes.LIMIT_REACHED, 409),
    TooManyEndpoints: ErrorRow(codes.LIMIT_REACHED, 409),
    TooManyReplays: ErrorRow(codes.LIMIT_REACHED, 409),
    ReplayOverlaps: ErrorRow(codes.LIMIT_REACHED, 409),
    TooManyOrders: ErrorRow(codes.LIMIT_REACHED, 409),
    TooManySubscriptions: ErrorRow(codes.LIMIT_REACHED, 409),
    CouponTaken: ErrorRow(codes.DUPLICATE, 409),
    PackTaken: ErrorRow(codes.DUPLICATE, 409),
    PlanTaken: ErrorRow(codes.DUPLICATE, 409),
    PlatformTaken: ErrorRow(codes.DUPLICATE, 409),
    InvalidPlatform: ErrorRow(codes.INVALID_PLATFORM, 422),
    InvalidEmail: ErrorRow(codes.INVALID_RECIPIENT, 422),
    AmountOutOfRange: ErrorRow(codes.AMOUNT_OUT_OF_RANGE, 422),
    InsufficientBalance: ErrorRow(codes.INSUFFICIENT_BALANCE, 402),
    CapExceeded: ErrorRow(codes.CAP_EXCEEDED, 402),
    DuplicateReference: ErrorRow(codes.DUPLICATE, 409),
    IntentMet: ErrorRow(codes.DUPLICATE, 409),
    IntentUsed: ErrorRow(codes.DUPLICATE, 409),
    LooksRepeated: ErrorRow(codes.DUPLICATE, 409),
    KeyReused: ErrorRow(codes.DUPLICATE, 409),
    OrderNoReused: ErrorRow(codes.DUPLICATE, 409),
    KeyInProgress: ErrorRow(codes.KEY_IN_PROGRESS, 409),
    AlreadyDelivered: ErrorRow(codes.ALREADY_DELIVERED, 409),
    AlreadyEnded: ErrorRow(codes.ALREADY_SETTLED, 409),
    AlreadyUsed: ErrorRow(codes.ALREADY_USED, 409),
    RequesterBlocked: ErrorRow(codes.REQUESTER_BLOCKED, 409),
    BatchCancelled: ErrorRow(codes.ALREADY_SETTLED, 409),
    ApprovalDecided: ErrorRow(codes.ALREADY_SETTLED, 409),
    WrongStateForApproval: ErrorRow(codes.ALREADY_SETTLED, 409),
    AlreadyCheckedIn: ErrorRow(codes.ALREADY_SETTLED, 409),
    BudgetExhausted: ErrorRow(codes.ALREADY_SETTLED, 409),
    CheckinOff: ErrorRow(codes.ALREADY_SETTLED, 409),
    NotNow: ErrorRow(codes.ALREADY_SETTLED, 409),
    StillOpen: ErrorRow(codes.ALREADY_SETTLED, 409),
    AttemptEnded: ErrorRow(codes.ALREADY_SETTLED, 409, next_action="stop"),
    ReportRecorded: ErrorRow(codes.ALREADY_SETTLED, 409, next_action="stop"),
    HoldEnded: ErrorRow(codes.ALREADY_SETTLED, 409),
    ReplayEnded: ErrorRow(codes.ALREADY_SETTLED, 409),
    CannotCancel: ErrorRow(codes.ALREADY_SETTLED, 409),
    MailUnderWay: ErrorRow(codes.ALREADY_SETTLED, 409),
    OrderDecided: ErrorRow(codes.ALREADY_SETTLED, 409),
    RefundRefused: ErrorRow(codes.MALFORMED, 422),
    NotRefundable: ErrorRow(codes.MALFORMED, 422),
    RefundRepeated: ErrorRow(codes.DUPLICATE, 409),
    RefundUnderWay: ErrorRow(codes.LIMIT_REACHED, 409),
    CompRefused: ErrorRow(codes.MALFORMED, 422),
    CompRepeated: ErrorRow(codes.DUPLICATE, 409),
    AlreadySubscribed: ErrorRow(codes.ALREADY_SETTLED, 409),
    ChangeNotAllowed: ErrorRow(codes.ALREADY_SETTLED, 409),
    NotRedeemable: ErrorRow(codes.NOT_REDEEMABLE, 409, {"unknown": 404, "expired": 410}),
    CouponRefused: ErrorRow(codes.NOT_REDEEMABLE, 409, {"unknown": 404, "expired": 410}),
    NotFound: ErrorRow(codes.NOT_FOUND, 404),
    NoReceipt: ErrorRow(codes.NOT_FOUND, 404),
    NoReceiptYet: ErrorRow(codes.NOT_FOUND, 404),
    NoSeller: ErrorRow(codes.NOT_FOUND, 404, is_final=True),
    MethodNotAllowed: ErrorRow(codes.METHOD_NOT_ALLOWED, 405),
    UrlRefused: ErrorRow(codes.URL_INVALID, 422),
    CannotSign: ErrorRow(codes.DELIVERY_FAILED, 422),
    SampleRefused: ErrorRow(codes.DELIVERY_FAILED, 422),
    NoWebhookSecret: ErrorRow(codes.PROVIDER_UNAVAILABLE, 503),
    ProviderUnavailable: ErrorRow(codes.PROVIDER_UNAVAILABLE, 503),
    PriceRefused: ErrorRow(codes.MALFORMED, 422),
    PaymentDeclined: ErrorRow(codes.PAYMENT_REQUIRED, 402),
    PaymentRequired: ErrorRow(codes.PAYMENT_REQUIRED, 402, next_action="pay"),
    PaymentUsed: ErrorRow(codes.DUPLICATE, 409),
    NotOffered: ErrorRow(codes.PROVIDER_UNAVAILABLE, 503, is_final=True),
    ProviderRefused: ErrorRow(codes.PROVIDER_UNAVAILABLE, 503, is_final=True),
    Unavailable: ErrorRow(codes.INTERNAL, 503),
}


_FOR_A_PERSON: Final = frozenset({"plan_used_up"})
_BY_NAME: Final = {kind.__name__: row for kind, row in TABLE.items()}


def doc_url(address: str, code: int) -> str:
    return f"{address}{_DOCS_PATH}/{code}"


def row_of(kind: type[DomainError]) -> ErrorRow | None:
    return next((TABLE[base] for base in kind.__mro__ if base in TABLE), None)


def refusal_of(error: Exception, address: str = "") -> Refusal:
    """Return what to tell the caller about an error. Unexpected errors reveal nothing."""
    if isinstance(error, DomainError):
        row = row_of(type(error))
        if row is not None:
            return _expected(error, row, address)
    if isinstance(error, CommitUnknown):
        return _expected(Unavailable(_UNKNOWN), TABLE[Unavailable])
    if isinstance(error, StoreError):
        return _expected(Unavailable(_AWAY), TABLE[Unavailable])
    return _expected(DomainError(_HIDDEN), ErrorRow(codes.INTERNAL, 500))


def refusal_as(kind: str, detail: str, *, address: str, **facts: Any) -> Refusal:
    row = _BY_NAME.get(kind)
    if row is None:
        return refusal_of(RuntimeError(kind))
    return _expected(DomainError(detail, **facts), row, address)


def is_expected(error: Exception) -> bool:
    return isinstance(error, DomainError) and row_of(type(error)) is not None


def note_failure(call: RequestContext[Any, Any], error: Exception) -> None:
    """Log an unexpected error, without a traceback if the database is unreachable."""
    if is_expected(error):
        return
    fields = {"request_id": call.request_id.decode(), "route": call.template}
    if isinstance(error, _OUTAGES):
        kind = type(error).__name__
        call.context.metrics.database_refusals.add(kind)
        _log.warning(
            "request.no_database", extra={"fields": {**fields, "error": kind, "code": error.code}}
        )
    else:
        _log.error("request.failed", exc_info=error, extra={"fields": fields})


def _expected(error: DomainError, row: ErrorRow, address: str = "") -> Refusal:
    code = codes.CODES[row.code]
    status = row.http_status
    if row.by_reason is not None and error.reason is not None:
        status = row.by_reason.get(error.reason, status)
    retry_after_s = error.retry_after_s
    if retry_after_s is None and status in {429, 503} and not row.is_final:
        retry_after_s = RETRY_AFTER_S
    extra = dict(error.extra)
    transaction_id = extra.pop("transaction_id", None)
    topup_status = extra.pop("status", None)
    shown: dict[str, Any] = {
        "detail": error.detail,
        "param": error.param,
        "retryable": not row.is_final and (code.is_retryable or retry_after_s is not None),
        "retry_after_s": retry_after_s,
        "next_action": _next_action(code, row, retry_after_s, error.reason),
        "doc_url": doc_url(address, code.code),
    }
    if error.reason is not None:
        shown["reason"] = error.reason
    message = f"{error.kind} not found" if isinstance(error, NotFound) else code.message
    return Refusal(
        code,
        status,
        message,
        error.detail,
        {**extra, **shown},
        transaction_id,
        topup_status,
        _headers(error, status, retry_after_s),
    )


def _next_action(
    code: codes.Code, row: ErrorRow, retry_after_s: int | None, reason: str | None
) -> str | None:
    if row.is_final or reason in _FOR_A_PERSON:
        return "ask_human"
    if retry_after_s is not None:
        return "wait"
    return row.next_action or code.next_action


def _headers(
    error: DomainError, status: int, retry_after_s: int | None
) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allow).encode()))
    if isinstance(error, BodyTooLarge):
        headers.append((b"connection", b"close"))
    return headers
