"""Decide who pays, in which environment, and by which payment methods. Each method has its own header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from billing.machine_payments.facilitator import TokenProof
from billing.machine_payments.offer import CENTS_MIN, METHOD, SANDBOX, Offer, TokenOffer
from billing.machine_payments.payment import MPP, X402, MachinePayment, NotOffered, PaidRequest
from gateway.http.auth import check_presented, presented
from gateway.http.fields import EnvironmentMismatch
from gateway.http.request_context import RequestContext
from gateway.x402 import credentials, headers
from gateway.x402.credentials import Misfit, Priced, ShownCredential
from gateway.x402.headers import Asking, Presented
from gateway.x402.offered import LIVE_FIRST, offered
from gateway.x402.views import PaidBody
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.authenticator import InvalidCredential
from keys.principal import Environment, Principal, check_address, require_scope

PaidCall = RequestContext[PaidBody, Fields]
Shown = Presented | ShownCredential
_ICON: Final = "/apple-touch-icon.png"


class Nothing(NamedTuple):
    ref: str = ""
    identifier: str = ""
    digest: str = ""
    payer: str = ""
    expires_at: int = 0


class PaidToolCall(RequestContext[PaidBody, Fields]):
    """An agent's tool call. `entry` describes the tool in catalogues."""

    __slots__ = ("entry",)
    entry: Mapping[str, Any]


class Terms(NamedTuple):
    """A payment's price, as stored in the payment's row."""

    network: str
    asset: str
    amount: str


class PaymentMethod(Protocol):
    @property
    def protocol(self) -> str: ...

    def header(self, call: PaidCall, asked: PaidRequest, why: str) -> tuple[bytes, bytes]: ...

    def facts(self, asked: PaidRequest) -> dict[str, Any]: ...

    def misfit(self, call: PaidCall, shown: Any, asked: PaidRequest) -> Misfit | None: ...

    def terms(self, asked: PaidRequest) -> Terms: ...

    def proof(self, shown: Any, payment: MachinePayment) -> bytes:
        """Return the proof of payment. It is stored, and later sent to settle the payment."""
        ...


@dataclass(frozen=True, slots=True)
class ByWallet:
    offer: Offer
    asking: Asking
    protocol: str = X402

    def header(self, call: PaidCall, asked: PaidRequest, why: str) -> tuple[bytes, bytes]:  # noqa: ARG002
        wanted = headers.required(self.offer, asked.charged_cents, self.asking, why=why)
        return b"payment-required", headers.required_header(wanted)

    def facts(self, asked: PaidRequest) -> dict[str, Any]:
        return {"x402Version": 2, "accepts": [self.offer.requirements(asked.charged_cents)]}

    def misfit(self, call: PaidCall, shown: Presented, asked: PaidRequest) -> Misfit | None:
        why = headers.misfit(shown, self.offer, asked, call.now_us // SECOND_US)
        return None if why is None else Misfit(why)

    def terms(self, asked: PaidRequest) -> Terms:
        asset = self.offer.asset
        return Terms(asset.network, asset.address, self.offer.amount(asked.charged_cents))

    def proof(self, shown: Presented, payment: MachinePayment) -> bytes:
        cents = payment.charged_cents
        return msgspec.json.encode(headers.request_of(shown, self.offer, cents, self.asking))


@dataclass(frozen=True, slots=True)
class ByToken:
    """A card payment, made with a shared payment token in a `Payment` credential.

    If `is_beside_key` is true, Authorization already holds an API key.
    """

    offer: TokenOffer
    is_beside_key: bool
    protocol: str = MPP

    def header(self, call: PaidCall, asked: PaidRequest, why: str) -> tuple[bytes, bytes]:  # noqa: ARG002
        priced = self._priced(call, asked)
        return b"www-authenticate", credentials.challenge(priced, now_us=call.now_us)

    def facts(self, asked: PaidRequest) -> dict[str, Any]:
        return {"payment_methods": [{"method": METHOD, **self.offer.request(asked.charged_cents)}]}

    def misfit(self, call: PaidCall, shown: ShownCredential, asked: PaidRequest) -> Misfit | None:
        return credentials.misfit(shown, self._priced(call, asked), now_us=call.now_us)

    def terms(self, asked: PaidRequest) -> Terms:
        request = self.offer.request(asked.charged_cents)
        network = SANDBOX if self.offer.tokens is None else METHOD
        return Terms(network, request["currency"], request["amount"])

    def proof(self, shown: ShownCredential, payment: MachinePayment) -> bytes:
        return TokenProof(payment.id, shown.token, payment.charged_cents).encoded()

    def _priced(self, call: PaidCall, asked: PaidRequest) -> Priced:
        return Priced(
            call.context.machine_payments.challenge_key,
            credentials.realm_of(call.home),
            self.offer,
            asked.charged_cents,
            call.raw,
            self.is_beside_key,
        )


def ways_of(call: PaidCall, environment: str, cents: int) -> Sequence[PaymentMethod]:
    payments, doors = call.context.machine_payments, offered(call.context, environment)
    ways: list[PaymentMethod] = []
    if X402 in doors:
        ways.append(ByWallet(payments.offers[environment], _asking(call)))
    if MPP in doors and cents >= CENTS_MIN:
        in_front = call.headers.get(b"authorization")
        is_beside_key = in_front is not None and not credentials.is_payment(in_front)
        ways.append(ByToken(payments.token_offers[environment], is_beside_key))
    return ways


def _asking(call: PaidCall) -> Asking:
    home = call.home
    icon_url = f"{home}{_ICON}" if home == call.context.settings.public_url else None
    entry = call.entry if isinstance(call, PaidToolCall) else headers.bazaar_entry()
    return Asking(headers.bazaar_resource(f"{home}{call.path}", icon_url=icon_url), entry)


async def caller(call: PaidCall) -> Principal | None:
    """Return the owner of the API key sent with the payment, if any. Raise an error if the key is refused."""
    if call.credential is not None:
        require_scope(call.credential, "topup:send")
        return call.credential
    in_front = call.headers.get(b"authorization")
    if in_front is None or credentials.is_payment(in_front):
        return None
    token, is_cookie = presented(call.scope, call.headers, call.context.settings)
    principal = await call.context.authenticator.authenticate(token)
    check_presented(principal, is_cookie=is_cookie)
    if is_cookie:
        raise InvalidCredential("Send an API key as Authorization: Bearer ak_….")
    if principal.ip_allow_lists:
        check_address(principal, call.address)
    require_scope(principal, "topup:send")
    call.principal = principal
    return principal


def environment_of(
    call: PaidCall, principal: Principal | None, protocol: str | None
) -> Environment:
    """Return the environment in which to buy credit. If the request doesn't name one, the payment's protocol may
    determine it.

    Raise EnvironmentMismatch if the key is for another environment. Raise InvalidInput or NotOffered if
    payments aren't accepted there.
    """
    asked = call.body.environment
    if principal is not None:
        if asked not in (None, principal.environment):
            raise EnvironmentMismatch(
                f"The key is for {principal.environment}.", param="environment"
            )
        asked = principal.environment
    taken = {one: offered(call.context, one) for one in LIVE_FIRST}
    wanted = LIVE_FIRST if asked is None else (asked,)
    for environment in wanted:
        if taken[environment] and (protocol is None or protocol in taken[environment]):
            return environment
    allowed = sorted(
        one for one, doors in taken.items() if doors and (protocol is None or protocol in doors)
    )
    if allowed and principal is None:
        detail = f"machine payments are accepted only in {' and '.join(allowed)}"
        problem = {"param": "environment", "detail": detail, "allowed": allowed}
        raise InvalidInput(detail, param="environment", errors=[problem])
    raise NotOffered("This gateway's operator hasn't set up machine payments.")
