"""Sell through Epay (易支付): a redirect to Epay's payment page, and notifications signed with MD5.

One key signs requests and notifications. The signed text isn't escaped, so a value that contains `&` or `=` is neither
signed nor accepted. No call returns a refund's outcome, so an operator settles an unknown one. Source: the protocol's
common client libraries.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import msgspec
from pydantic import Field, SecretStr, ValidationInfo, field_validator

from billing.ledger.price import price_of
from billing.providers.abilities import (
    NO_ADDRESS,
    RefundReport,
    RefundRequest,
    SetupFinding,
    WantedSetup,
    refund_made,
)
from billing.providers.http import call, decoded, refused, unavailable, within_deadline
from billing.providers.protocol import (
    Acknowledgement,
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
    Registration,
    SandboxEvent,
    Subject,
    Unconfirmed,
    Waiting,
    rotated,
    stated,
)
from kernel.clock import Clock
from kernel.errors import InvalidInput
from keys.principal import Environment

NAME = "epay"
Post = Callable[[Mapping[str, str]], Awaitable[bytes]]
CURRENCY = "CNY"
SANDBOX_PID = "1000"
SANDBOX_RATE = "7.00"
NAME_CHARACTERS_MAX = 100
CONFIRM = ("always", "above", "never")
NOTIFIED = frozenset(
    {
        "pid",
        "trade_no",
        "out_trade_no",
        "type",
        "name",
        "money",
        "trade_status",
        "param",
        "sign",
        "sign_type",
    }
)
_SEPARATORS = ("&", "=")
# To the payer, these full-width characters look the same as the separators.
_SHOWN_INSTEAD = str.maketrans({"&": "\uff06", "=": "\uff1d"})
_STATUSES = {
    "paid": "TRADE_SUCCESS",
    "failed": "TRADE_CLOSED",
    "expired": "TRADE_EXPIRED",
    "refunded": "TRADE_REFUND",
}


class EpaySettings(ProviderSettings):
    api_base: str = Field(
        default="", description="The URL of Epay's payment page, without /submit.php."
    )
    currency: str = Field(default=CURRENCY, description="The currency that the gateway charges.")
    pid: str = Field(default="", description="The merchant's ID at the gateway.")
    key: SecretStr = Field(
        default=SecretStr(""),
        description="The merchant's key, or `new,old`; requests use the new one.",
    )
    methods: str = Field(default="alipay,wxpay", description="Payment methods, the default first.")
    confirm: str = Field(
        default="always",
        description="When api.php must confirm a payment: always, above (confirm_above) or never.",
    )
    confirm_above: str = Field(
        default="1000",
        description="With confirm=above: the amount in that currency above which api.php must confirm.",
    )

    @field_validator("confirm")
    @classmethod
    def _check_confirm(cls, value: str) -> str:
        if value not in CONFIRM:
            raise ValueError(f"is one of {', '.join(CONFIRM)}")
        return value

    @field_validator("confirm_above")
    @classmethod
    def _check_confirm_above(cls, value: str, info: ValidationInfo) -> str:
        if "currency" in info.data and (value or info.data.get("confirm") == "above"):
            stated(price_of, value, info.data["currency"])
        return value

    @property
    def is_complete(self) -> bool:
        return bool(self.api_base and self.webhook_secrets)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return rotated(self.key) if self.pid else ()

    @property
    def ways(self) -> tuple[str, ...]:
        return tuple(part for word in self.methods.split(",") if (part := word.strip()))

    @classmethod
    def for_sandbox(cls, secret: str) -> "EpaySettings":
        return cls(
            pid=SANDBOX_PID, key=SecretStr(secret), price_per_usd=SANDBOX_RATE, confirm="never"
        )


class _Order(msgspec.Struct):
    code: int | str
    status: int | str = ""
    pid: int | str | None = None
    out_trade_no: str = ""
    trade_no: str = ""
    type: str | None = None
    money: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b'""'))


class Epay:
    def __init__(
        self,
        settings: EpaySettings,
        environment: Environment,  # noqa: ARG002 a gateway is told by its address
        client: httpx.AsyncClient,
        clock: Clock,  # noqa: ARG002 its signatures have no time
    ) -> None:
        self._settings = settings
        self._currency = settings.currency
        self._keys = settings.webhook_secrets
        self._confirm = settings.confirm
        above = settings.confirm_above
        self._confirm_above = price_of(above, self._currency).amount if above else 0
        self._client = client
        key = self._keys[0] if self._keys else ""
        self.abilities: tuple[object, ...] = (
            EpayRefunds(self._refund),
            EpaySetupCheck(settings.api_base, settings.pid, key, client),
        )

    async def open(self, request: CheckoutRequest) -> Opened:
        self._require_key()
        if request.price.currency != self._currency:
            raise ProviderRefused(f"This gateway's Epay account charges only in {self._currency}.")
        ways = self._settings.ways
        if request.method is not None and request.method not in ways:
            raise ProviderRefused(f"Epay's payment methods are {', '.join(ways)}.")
        way = request.method or (ways[0] if ways else "")
        parameters = {
            "pid": self._settings.pid,
            "type": way,
            "out_trade_no": request.order_id,
            "notify_url": request.notify_url,
            "return_url": request.return_url,
            "name": request.title[:NAME_CHARACTERS_MAX].translate(_SHOWN_INSTEAD),
            "money": request.price.decimal(),
            "device": "pc",
        }
        unsafe = [name for name, value in parameters.items() if not _is_plain(value)]
        if unsafe:
            raise ProviderRefused(f"Epay doesn't accept & or = in {', '.join(unsafe)}.")
        query = urlencode(_signed(parameters, self._keys[0]))
        return Opened(f"{self._settings.api_base}/submit.php?{query}", request.order_id)

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:  # noqa: ARG002 the same
        self._require_key()
        parameters = {
            "act": "order",
            "pid": self._settings.pid,
            "key": self._keys[0],
            "out_trade_no": order_id,
        }
        url = f"{self._settings.api_base}/api.php?{urlencode(parameters)}"
        async with within_deadline(NAME):
            answer = await call(self._client, NAME, "GET", url, headers={})
        if answer.status >= 300:
            refused(NAME, answer.status)
            raise unavailable(NAME, "no answer about the payment")
        order = decoded(NAME, answer.body, _Order)
        if str(order.code) != "1" or str(order.status) != "1":
            # An order that Epay doesn't know yet can still be paid, because the payer may visit its page later.
            return (Waiting(Subject(order_id)),)
        is_ours = str(order.pid or self._settings.pid) == self._settings.pid
        if order.out_trade_no != order_id or not order.trade_no or not is_ours:
            return (Ignored("the answer is about another order"),)
        try:
            price = price_of(bytes(order.money).decode().strip('"'), self._currency)
        except InvalidInput:
            raise unavailable(NAME, "no amount in the answer") from None
        subject = Subject(order_id, (order.trade_no,))
        return (Paid(subject, order.trade_no, price, method=order.type or None),)

    async def portal(self, customer_ref: str, return_url: str) -> str:  # noqa: ARG002 there is none
        raise ProviderRefused("Epay has no customer portal.")

    def read(self, received: Received) -> Notification:
        found = _parameters(received.query if received.method == "GET" else received.body)
        sign = found.get("sign", "").lower().encode()
        equal = [hmac.compare_digest(sign, _sign(found, key).encode()) for key in self._keys]
        if not any(equal) or found.get("sign_type", "MD5").upper() != "MD5":
            raise NotificationRefused("The notification's `sign` is invalid.", reason="signature")
        if found.get("pid") != self._settings.pid:
            raise NotificationRefused(
                "The notification belongs to another merchant.", reason="form"
            )
        try:
            return self._notification(found)
        except (KeyError, InvalidInput):
            raise _unreadable() from None

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        if sandbox_event.outcome not in _STATUSES:
            raise ProviderRefused("Epay doesn't support subscriptions.")
        parameters = {
            "pid": self._settings.pid,
            "trade_no": sandbox_event.payment_id,
            "out_trade_no": sandbox_event.order_id,
            "type": sandbox_event.method or "",
            "name": "Credit",
            "money": sandbox_event.price.decimal(),
            "trade_status": _STATUSES[sandbox_event.outcome],
            "param": sandbox_event.event_id if sandbox_event.outcome == "refunded" else "",
        }
        query = urlencode(_signed(parameters, self._keys[0])).encode()
        return Received("GET", {}, query, b"")

    def _notification(self, found: Mapping[str, str]) -> Notification:
        trade_no, status, order_id = found["trade_no"], found["trade_status"], found["out_trade_no"]
        if not (trade_no and order_id):
            raise KeyError("no ids")
        price = price_of(found["money"], self._currency)
        subject = Subject(order_id, (trade_no,))
        fact: Fact = Waiting(subject)
        event_id = f"{trade_no}:{status}"
        if status == _STATUSES["paid"]:
            paid = Paid(subject, trade_no, price, method=found["type"] or None)
            fact = Unconfirmed(subject, order_id, paid) if self._is_asked(price.amount) else paid
        elif status == _STATUSES["refunded"]:
            key = found.get("param") or trade_no
            fact, event_id = Refunded(subject, key, price), f"{event_id}:{key}"
        elif status == _STATUSES["failed"]:
            fact = Failed(subject, "the payment failed")
        elif status == _STATUSES["expired"]:
            fact = Expired(subject)
        return Notification(event_id, status, (fact,))

    def _is_asked(self, amount: int) -> bool:
        if self._confirm == "above":
            return amount > self._confirm_above
        return self._confirm == "always"

    async def _refund(self, fields: Mapping[str, str]) -> bytes:
        self._require_key()
        content = urlencode({"pid": self._settings.pid, "key": self._keys[0], **fields}).encode()
        url = f"{self._settings.api_base}/api.php?act=refund"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with within_deadline(NAME):
            answer = await call(
                self._client, NAME, "POST", url, headers=headers, content=content, tries_max=1
            )
        if answer.status >= 400:
            raise refused(NAME, answer.status)
        return answer.body

    def _require_key(self) -> None:
        if not self._settings.is_complete:
            raise ProviderRefused("Epay has no credentials in this environment.")


def _parameters(encoded: bytes) -> dict[str, str]:
    """Return the protocol's parameters.

    Raise NotificationRefused if one is unknown, repeated or contains a separator.
    """
    try:
        pairs = parse_qsl(
            encoded.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(NOTIFIED),
        )
    except ValueError:
        raise _unreadable() from None
    found = dict(pairs)
    is_known = found.keys() <= NOTIFIED and all(map(_is_plain, found.values()))
    if len(found) != len(pairs) or not is_known:
        raise _unreadable()
    return found


def _is_plain(value: str) -> bool:
    return not any(separator in value for separator in _SEPARATORS)


def _sign(parameters: Mapping[str, str], key: str) -> str:
    signed = sorted(
        (name, value)
        for name, value in parameters.items()
        if value and name not in ("sign", "sign_type")
    )
    text = "&".join(f"{name}={value}" for name, value in signed) + key
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _signed(parameters: Mapping[str, str], key: str) -> dict[str, str]:
    return {**parameters, "sign": _sign(parameters, key), "sign_type": "MD5"}


def _unreadable() -> NotificationRefused:
    return NotificationRefused("The notification isn't in Epay's format.", reason="form")


_YES = frozenset({"1", "true", "success", "ok"})
_NO = frozenset({"false", "fail", "error"})
# A negative number is a refusal. Zero and unknown words may mean yes or no.
_REFUSAL = re.compile(r"-[1-9]\d*")


class EpayRefunds:
    takes_part = True
    is_named = False
    is_repeatable = False
    tells_parts = False

    def __init__(self, post: Post) -> None:
        self._post = post

    async def refund(self, request: RefundRequest) -> RefundReport:
        fields = {"trade_no": request.payment_ref, "money": request.price.decimal()}
        if not request.is_beside:
            # Omit the order's number for a second payment, because both payments have it.
            fields["out_trade_no"] = request.order_id
        body = await self._post(fields)
        if _says_yes(body):
            return refund_made(request)
        raise ProviderRefused("Epay refused the refund.")

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:  # noqa: ARG002
        raise unavailable(NAME, "it cannot be asked about refunds: look at the gateway's own pages")


def _says_yes(body: bytes) -> bool:
    found = decoded(NAME, body, dict[str, Any])
    said = {_word(found[name]) for name in ("code", "success", "status") if name in found}
    is_yes = bool(said & _YES)
    is_no = any(one in _NO or _REFUSAL.fullmatch(one) is not None for one in said)
    if is_yes == is_no or (is_yes and "0" in said):
        raise unavailable(NAME, "no clear word about the refund")
    return is_yes


def _word(value: Any) -> str:
    return str(value).strip().lower()


class _Merchant(msgspec.Struct):
    code: int | str = ""
    active: int | str = 1


class EpaySetupCheck:
    def __init__(self, base: str, pid: str, key: str, client: httpx.AsyncClient) -> None:
        self._base = base
        self._pid = pid
        self._key = key
        self._client = client

    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        query = urlencode({"act": "query", "pid": self._pid, "key": self._key})
        async with within_deadline("epay"):
            answer = await call(
                self._client, "epay", "GET", f"{self._base}/api.php?{query}", headers={}
            )
        if answer.status >= 300:
            where = wanted.setting("EPAY_API_BASE")
            detail = f"{self._base}/api.php answers {answer.status}: see {where}"
            return (SetupFinding("address", False, detail),)
        merchant = decoded("epay", answer.body, _Merchant)
        if str(merchant.code) != "1":
            detail = f"the gateway does not know merchant {self._pid} with this key"
            return (SetupFinding("merchant", False, detail),)
        is_active = str(merchant.active) != "0"
        detail = f"merchant {self._pid} is {'known' if is_active else 'switched off'} there"
        found = [SetupFinding("merchant", is_active, detail)]
        return found if wanted.notify_url else [*found, NO_ADDRESS]


PROVIDER = Registration(
    name=NAME,
    label="Epay",
    settings=EpaySettings,
    make=Epay,
    paths=("/payment/webhook/epay", "/api/user/epay/notify"),
    methods=("GET", "POST"),
    accepted=Acknowledgement(b"success", "text/plain; charset=utf-8"),
    refused=Acknowledgement(b"fail", "text/plain; charset=utf-8"),
)
