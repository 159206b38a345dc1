"""Sell through MyFatoorah: payment links, and notifications in two formats.

A notification's signature doesn't cover the amount, so a reported payment is Unconfirmed until GetPaymentStatus
confirms it. A refund is sent once and found by our ID. Source: docs.myfatoorah.com.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
import msgspec
from pydantic import Field, SecretStr

from billing.ledger.price import price_of
from billing.providers.abilities import (
    RefundReport,
    RefundRequest,
    SetupFinding,
    WantedSetup,
    unlisted_webhook,
)
from billing.providers.http import (
    TRIES_MAX,
    call,
    check_signature,
    decoded,
    refused,
    unavailable,
    within_deadline,
)
from billing.providers.protocol import (
    CheckoutRequest,
    Expired,
    Fact,
    Failed,
    Ignored,
    Notification,
    NotificationRefused,
    Opened,
    Paid,
    ProviderRefused,
    ProviderSettings,
    Received,
    Refunded,
    RefundFailed,
    Registration,
    SandboxEvent,
    Subject,
    Unconfirmed,
    Waiting,
    rotated,
)
from kernel.clock import Clock, rfc3339
from kernel.errors import InvalidInput
from keys.principal import Environment

NAME = "myfatoorah"
Ask = Callable[..., Awaitable[bytes]]
API_BASES: Mapping[Environment, str] = {
    "live": "https://api.myfatoorah.com",
    "staging": "https://apitest.myfatoorah.com",
}
SIGNATURE_HEADER = b"myfatoorah-signature"
RETURN_URL_CHARACTERS_MAX = 254
CURRENCY = "KWD"
SANDBOX_RATE = "0.31"
NAMELESS_CUSTOMER = "Customer"
_PAYMENT, _REFUND = 1, 2
_FIELD = re.compile(r",[A-Za-z0-9_.]+=")
_NAME = re.compile(r"[A-Za-z0-9_.]+")
# The fields that the second format signs, in order.
_SIGNED_V2 = {
    _PAYMENT: (
        "Invoice.Id",
        "Invoice.Status",
        "Transaction.Status",
        "Transaction.PaymentId",
        "Invoice.ExternalIdentifier",
    ),
    _REFUND: (
        "Refund.Id",
        "Refund.Status",
        "Amount.ValueInBaseCurrency",
        "ReferencedInvoice.Id",
    ),
}
# For each event type, the field that the first format doesn't sign.
_UNSIGNED_V1 = {_REFUND: "GatewayReference", 4: "KycFeedback"}
# The first format's names for the fields that the second format signs.
_NAMES_V1 = {
    _PAYMENT: {
        "Invoice.Id": "InvoiceId",
        "Invoice.Status": "",
        "Transaction.Status": "TransactionStatus",
        "Transaction.PaymentId": "PaymentId",
        "Invoice.ExternalIdentifier": "CustomerReference",
    },
    _REFUND: {
        "Refund.Id": "RefundId",
        "Refund.Status": "RefundStatus",
        "Amount.ValueInBaseCurrency": "Amount",
        "ReferencedInvoice.Id": "InvoiceId",
    },
}
_BLANK = {code: dict.fromkeys(names, "") for code, names in _SIGNED_V2.items()}
_NAMES = {_PAYMENT: "PAYMENT_STATUS_CHANGED", _REFUND: "REFUND_STATUS_CHANGED"}


class MyFatoorahSettings(ProviderSettings):
    currency: str = Field(default=CURRENCY, description="The account's base currency.")
    api_token: SecretStr = Field(default=SecretStr(""), description="MyFatoorah's API token.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The webhook's secret, which MyFatoorah treats as optional, but which is required here.",
    )

    @property
    def is_complete(self) -> bool:
        return bool(self.api_token.get_secret_value() and self.webhook_secrets)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return rotated(self.webhook_secret)

    @classmethod
    def for_sandbox(cls, secret: str) -> "MyFatoorahSettings":
        return cls(webhook_secret=SecretStr(secret), price_per_usd=SANDBOX_RATE)


class _Made(msgspec.Struct):
    id: int | str = msgspec.field(name="InvoiceId")
    url: str = msgspec.field(name="InvoiceURL")


class _Transaction(msgspec.Struct, rename="pascal"):
    transaction_status: str = ""
    payment_id: str | None = None


class _Status(msgspec.Struct, rename="pascal"):
    invoice_id: int | str
    invoice_status: str
    invoice_value: msgspec.Raw
    customer_reference: str | None = None
    invoice_transactions: list[_Transaction] = []


class _Wrong(msgspec.Struct, rename="pascal"):
    name: str | None = None


class _Answer(msgspec.Struct, rename="pascal"):
    is_success: bool
    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    validation_errors: list[_Wrong] | None = None


class MyFatoorah:
    def __init__(
        self,
        settings: MyFatoorahSettings,
        environment: Environment,
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        self._token = settings.api_token.get_secret_value()
        self._secrets = [secret.encode() for secret in settings.webhook_secrets]
        self._base = settings.api_base or API_BASES[environment]
        self._currency = settings.currency
        self._client = client
        self._clock = clock
        self.abilities: tuple[object, ...] = (
            MyFatoorahRefunds(self._call, self._currency),
            MyFatoorahSetupCheck(self._base, self._token, self._currency, client),
        )

    async def open(self, request: CheckoutRequest) -> Opened:
        if max(len(request.success_url), len(request.cancel_url)) > RETURN_URL_CHARACTERS_MAX:
            raise ProviderRefused(
                f"MyFatoorah accepts return URLs of at most {RETURN_URL_CHARACTERS_MAX} characters."
            )
        if request.price.currency != self._currency:
            raise ProviderRefused(
                f"This gateway's MyFatoorah account charges only in {self._currency}."
            )
        body: dict[str, Any] = {
            # Send the price's exact decimal digits as a JSON number.
            "InvoiceValue": msgspec.Raw(request.price.decimal().encode()),
            "DisplayCurrencyIso": self._currency,
            "CustomerName": request.customer_email or NAMELESS_CUSTOMER,
            "NotificationOption": "LNK",
            "CallBackUrl": request.success_url,
            "ErrorUrl": request.cancel_url,
            "CustomerReference": request.order_id,
            "UserDefinedField": request.order_id,
        }
        if request.customer_email is not None:
            body["CustomerEmail"] = request.customer_email
        made = decoded(NAME, await self._call("/v2/SendPayment", body), _Made)
        return Opened(made.url, str(made.id), (str(made.id),))

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        body = {"Key": ref, "KeyType": "InvoiceId"}
        try:
            status = decoded(NAME, await self._call("/v2/GetPaymentStatus", body), _Status)
            price = price_of(_text(status.invoice_value), self._currency)
        except (ProviderRefused, InvalidInput):
            raise unavailable(NAME, "no answer about the payment") from None
        if status.customer_reference != order_id or str(status.invoice_id) != ref:
            return (Ignored("the invoice is another order's"),)
        # MyFatoorah's API spells Success as "Succss", so accept both.
        payments = [
            one.payment_id
            for one in status.invoice_transactions
            if one.transaction_status in ("Succss", "Success") and one.payment_id
        ]
        subject = Subject(order_id, (ref, *payments))
        if status.invoice_status == "Paid":
            return (Paid(subject, payment_id=payments[0] if payments else ref, price=price),)
        if status.invoice_status in ("Canceled", "Expired"):
            return (Expired(subject),)
        return (Waiting(subject),)

    async def portal(self, customer_ref: str, return_url: str) -> str:  # noqa: ARG002 there is none
        raise ProviderRefused("MyFatoorah has no customer portal.")

    def read(self, received: Received) -> Notification:
        try:
            code, name, found, canonical = _parsed(received.body)
        except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
            raise _unreadable() from None
        signature = received.headers.get(SIGNATURE_HEADER, b"").strip()
        check_signature(signature, self._signatures(canonical))
        try:
            return self._notification(code, name, found)
        except (InvalidInput, KeyError):
            raise _unreadable() from None

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        code, data = simulated(sandbox_event, payment=_PAYMENT, refund=_REFUND)
        event = {
            "Code": code,
            "Name": _NAMES[code],
            "CountryIsoCode": "KWT",
            "CreationDate": rfc3339(self._clock.now_us()),
            "Reference": sandbox_event.event_id,
        }
        body = msgspec.json.encode({"Event": event, "Data": data})
        headers = {
            b"content-type": b"application/json",
            SIGNATURE_HEADER: self._signatures(_parsed(body)[3])[0],
        }
        return Received("POST", headers, b"", body)

    def _notification(self, code: int, name: str, found: Mapping[str, str]) -> Notification:
        if code == _REFUND:
            key, status = found["Refund.Id"], found["Refund.Status"]
            subject = Subject(None, (found["ReferencedInvoice.Id"],))
            price = price_of(found["Amount.ValueInBaseCurrency"], self._currency)
            fact: Fact = Ignored("a refund that is under way")
            if status == "REFUNDED":
                fact = Refunded(subject, key, price)
            elif status == "CANCELED":
                fact = RefundFailed(subject, key, price)
            return Notification(f"refund:{key}:{status}", name, (fact,))
        if code != _PAYMENT:
            return Notification(f"{code}:{name}", name, (Ignored("nothing to us"),))
        invoice, payment = found["Invoice.Id"], found["Transaction.PaymentId"]
        if not invoice:
            raise KeyError("no id")
        statuses = (found["Invoice.Status"], found["Transaction.Status"])
        ids = tuple(one for one in (invoice, payment) if one)
        subject = Subject(found["Invoice.ExternalIdentifier"] or None, ids)
        event_id = ":".join(("payment", invoice, payment, *statuses))
        return Notification(event_id, name, (_payment_fact(subject, invoice, *statuses),))

    def _signatures(self, canonical: bytes) -> list[bytes]:
        digests = [hmac.digest(one, canonical, hashlib.sha256) for one in self._secrets]
        return [base64.b64encode(digest) for digest in digests]

    async def _call(self, path: str, body: Mapping[str, Any], tries_max: int = TRIES_MAX) -> bytes:
        if not self._token:
            raise ProviderRefused("MyFatoorah has no credentials in this environment.")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        async with within_deadline(NAME):
            answer = await call(
                self._client,
                NAME,
                "POST",
                self._base + path,
                headers=headers,
                content=msgspec.json.encode(body),
                tries_max=tries_max,
            )
        if answer.status in (401, 403):
            raise refused(NAME, answer.status)
        reply = decoded(NAME, answer.body, _Answer)
        if answer.status >= 300 or not reply.is_success:
            raise refused(NAME, answer.status, *(one.name for one in reply.validation_errors or ()))
        return bytes(reply.data)


def _payment_fact(subject: Subject, invoice: str, status: str, transaction: str) -> Fact:
    if status == "PAID" or (not status and transaction == "SUCCESS"):
        return Unconfirmed(subject, invoice)
    if status == "EXPIRED":
        return Expired(subject)
    if transaction in ("FAILED", "CANCELED") or status == "CANCELED":
        return Failed(subject, "the payment failed")
    return Waiting(subject)


def _parsed(body: bytes) -> tuple[int, str, dict[str, str], bytes]:
    """Return the event's code, name, fields and signed text. Field names are those of the second format.

    Raise MsgspecError, KeyError or ValueError if neither format fits.
    """
    whole = _fields(body)
    data = _fields(whole["Data"])
    if bytes(whole["Event"]).startswith(b"{"):
        event = _fields(whole["Event"])
        code, found = int(_text(event["Code"])), _flat(data)
        signed = [(name, found.get(name, "")) for name in _SIGNED_V2[code]]
        return code, _text(event["Name"]), {**_BLANK[code], **found}, _canonical(signed)
    code = int(_text(whole["EventType"]))
    flat = {name: _text(raw) for name, raw in data.items()}
    signed = [pair for pair in flat.items() if pair[0] != _UNSIGNED_V1.get(code)]
    signed.sort(key=lambda pair: pair[0].lower())
    found = {name: flat.get(old, "") for name, old in _NAMES_V1.get(code, {}).items()}
    return code, _text(whole["Event"]), found, _canonical(signed)


def _canonical(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return the signed text. Raise ValueError if another message could have the same text.

    Values aren't escaped, so a value that contains `,Name=` could replace a field. Some values come from payers.
    """
    if any(not _NAME.fullmatch(name) or _FIELD.search(value) for name, value in pairs):
        raise ValueError("a field within a field")
    return ",".join(f"{name}={value}" for name, value in pairs).encode()


def _fields(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])


def _flat(data: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    found = {}
    for name, raw in data.items():
        if bytes(raw).startswith(b"{"):
            found.update({f"{name}.{part}": _text(one) for part, one in _fields(raw).items()})
    return found


def _text(raw: msgspec.Raw) -> str:
    """Return the value's text as it is signed. Null becomes empty text, and a number keeps its digits."""
    written = bytes(raw)
    if written.startswith(b'"'):
        return msgspec.json.decode(written, type=str)
    return "" if written == b"null" else written.decode()


def _unreadable() -> NotificationRefused:
    return NotificationRefused("The event isn't in MyFatoorah's format.", reason="form")


class _MadeRefund(msgspec.Struct, rename="pascal"):
    refund_id: int | str


class _RefundStatus(msgspec.Struct, rename="pascal"):
    refund_id: int | str
    refund_status: str = ""
    amount: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    external_identifier: str | None = None


class _Statuses(msgspec.Struct, rename="pascal"):
    refund_status_result: list[_RefundStatus] = []


class MyFatoorahRefunds:
    takes_part = True
    is_named = True
    is_repeatable = False
    tells_parts = False

    def __init__(self, ask: Ask, currency: str) -> None:
        self._ask = ask
        self._currency = currency

    async def refund(self, request: RefundRequest) -> RefundReport:
        key, kind = self._payment(request)
        body = {
            "Key": key,
            "KeyType": kind,
            "ServiceChargeOnCustomer": False,
            "Amount": msgspec.Raw(request.price.decimal().encode()),
            "Comment": request.reason,
            "ExternalIdentifier": request.id,
        }
        made = decoded(NAME, await self._ask("/v2/MakeRefund", body, tries_max=1), _MadeRefund)
        return RefundReport("pending", str(made.refund_id), detail="myfatoorah looks at it")

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        named = request.provider_refund_id
        if named is not None:
            body = {"Key": named, "KeyType": "RefundId"}
        elif request.checkout_ref is not None:
            body = {"Key": request.checkout_ref, "KeyType": "InvoiceId"}
        else:
            raise unavailable(NAME, "a payment without an invoice")
        try:
            answer = await self._ask("/v2/GetRefundStatus", body)
        except ProviderRefused:
            # Even if this call is refused, the refund may exist.
            raise unavailable(NAME, "no answer about the refund") from None
        found = decoded(NAME, answer, _Statuses).refund_status_result
        for one in found:
            if one.external_identifier == request.id or str(one.refund_id) == named:
                return self._word(request, one)
        if any(not one.external_identifier for one in found):
            # The response has a refund without any external ID, and that refund may be ours.
            raise unavailable(NAME, "refunds of the payment without our names")
        return None

    def _payment(self, request: RefundRequest) -> tuple[str, str]:
        if request.checkout_ref is not None and not request.is_beside:
            return request.checkout_ref, "InvoiceId"
        return request.payment_ref, "PaymentId"

    def _word(self, request: RefundRequest, found: _RefundStatus) -> RefundReport:
        named, status = str(found.refund_id), found.refund_status.lower()
        subject = Subject(request.order_id, (request.payment_ref, request.id))
        if status == "refunded":
            try:
                price = price_of(bytes(found.amount).decode().strip('"'), self._currency)
            except InvalidInput:
                raise unavailable(NAME, "a refund without an amount") from None
            if price.amount <= 0:
                raise unavailable(NAME, "a refund of nothing")
            return RefundReport("succeeded", named, Refunded(subject, named, price))
        if status in ("canceled", "cancelled", "rejected"):
            fact = RefundFailed(subject, named, request.price)
            return RefundReport("failed", named, fact, detail=f"myfatoorah says {status}")
        if status == "pending":
            return RefundReport("pending", named, detail="myfatoorah looks at it")
        raise unavailable(NAME, "an unknown word about the refund")


class _Initiated(msgspec.Struct, rename="pascal"):
    is_success: bool = False


class MyFatoorahSetupCheck:
    def __init__(self, base: str, token: str, currency: str, client: httpx.AsyncClient) -> None:
        self._base = base
        self._token = token
        self._currency = currency
        self._client = client

    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        body = msgspec.json.encode({"InvoiceAmount": 1, "CurrencyIso": self._currency})
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        url = f"{self._base}/v2/InitiatePayment"
        async with within_deadline("myfatoorah"):
            answer = await call(
                self._client, "myfatoorah", "POST", url, headers=headers, content=body
            )
        if answer.status in {401, 403}:
            detail = (
                f"{self._base} doesn't accept the token. Set"
                f" {wanted.setting('MYFATOORAH_API_TOKEN')} again, or"
                f" the address of its country in {wanted.setting('MYFATOORAH_API_BASE')}"
            )
            return (SetupFinding("token", False, detail),)
        found = [SetupFinding("token", True, f"works at {self._base}")]
        is_taken = answer.status < 300 and decoded("myfatoorah", answer.body, _Initiated).is_success
        if is_taken:
            found.append(SetupFinding("currency", True, f"{self._currency} can be paid"))
        else:
            where = wanted.setting("MYFATOORAH_CURRENCY")
            detail = f"the account takes no {self._currency}: see {where}"
            found.append(SetupFinding("currency", False, detail))
        return [*found, unlisted_webhook("MyFatoorah", wanted)]


_STATUSES = {
    "paid": ("PAID", "SUCCESS"),
    "failed": ("PENDING", "FAILED"),
    "expired": ("EXPIRED", ""),
}


def simulated(
    sandbox_event: SandboxEvent, *, payment: int, refund: int
) -> tuple[int, dict[str, Any]]:
    amount = {
        "ValueInBaseCurrency": sandbox_event.price.decimal(),
        "BaseCurrency": sandbox_event.price.currency,
    }
    if sandbox_event.outcome == "refunded":
        return refund, {
            "Refund": {"Id": sandbox_event.event_id, "Status": "REFUNDED"},
            "Amount": amount,
            "ReferencedInvoice": {"Id": sandbox_event.ref},
        }
    if sandbox_event.outcome not in _STATUSES:
        raise ProviderRefused("MyFatoorah doesn't support subscriptions.")
    invoice_status, transaction_status = _STATUSES[sandbox_event.outcome]
    return payment, {
        "Invoice": {
            "Id": sandbox_event.ref,
            "Status": invoice_status,
            "ExternalIdentifier": sandbox_event.order_id,
            "UserDefinedField": sandbox_event.order_id,
        },
        "Transaction": {"Status": transaction_status, "PaymentId": sandbox_event.payment_id},
        "Amount": amount,
    }


PROVIDER = Registration(
    name=NAME,
    label="MyFatoorah",
    settings=MyFatoorahSettings,
    make=MyFatoorah,
    paths=("/api/billing/webhook/myfatoorah",),
)
