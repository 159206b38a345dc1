"""Publish the price, the payment methods and the request format for registries of paid services. The formats are
AgentCash's discovery profile and draft-payment-discovery-00.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from billing.machine_payments.offer import CURRENCY, METHOD
from billing.machine_payments.payment import MACHINE_ACCOUNT, MPP, X402
from billing.topups.platform import Platform
from gateway.x402.endpoint import PATH
from gateway.x402.offered import LIVE_FIRST, offered
from runtime.context import Context

_INTENT: Final = "charge"
_GUIDANCE: Final = "/openapi/agent.json lists the first calls for an account with a key. Staging is free of charge."
_PAID_GUIDANCE: Final = (
    f"POST {PATH} sends prepaid AI credit that the same request pays for, by x402 or by card, without a key or a"
    " sign-up. Its 402 response names the price: the amount and the platform's fee. /docs/x402.md explains it"
    f" step by step. {_GUIDANCE}"
)
_CATEGORIES: Final = ("ai", "payments", "developer-tools")
_MAIL: Final = "mailto:"


class Discovery(NamedTuple):
    home: str
    contact: str = ""
    payment: Mapping[str, Any] | None = None


def discovery_of(context: Context, home: str) -> Discovery:
    settings = context.settings
    contacts = (settings.security_contact.removeprefix(_MAIL), settings.seller_contact)
    contact = next((one for one in contacts if "@" in one and "/" not in one), "")
    return Discovery(home, contact, _payment(context))


def add_discovery(made: dict[str, Any], discovery: Discovery) -> None:
    home = discovery.home
    made["info"]["x-guidance"] = _GUIDANCE if discovery.payment is None else _PAID_GUIDANCE
    if discovery.contact:
        made["info"]["contact"] = {"email": discovery.contact}
    made["x-agentcash-guidance"] = {"llmsTxtUrl": f"{home}/llms.txt"}
    docs = {
        "homepage": f"{home}/docs",
        "apiReference": f"{home}/docs/api",
        "llms": f"{home}/llms.txt",
    }
    made["x-service-info"] = {"categories": [*_CATEGORIES], "docs": docs}
    if discovery.payment is not None:
        made["paths"][PATH]["post"]["x-payment-info"] = discovery.payment


def _payment(context: Context) -> Mapping[str, Any] | None:
    for environment in LIVE_FIRST:
        ways = offered(context, environment)
        platforms = context.topup_rules.platforms.of(environment).offered()
        if ways and platforms:
            return _info(ways, platforms)
    return None


def _info(ways: Sequence[str], platforms: Sequence[Platform]) -> Mapping[str, Any]:
    least = min(_charged(one, one.min_amount_cents) for one in platforms)
    most = max(_charged(one, one.max_amount_cents) for one in platforms)
    by_card = {"method": METHOD, "intent": _INTENT, "currency": CURRENCY}
    protocols: list[dict[str, Any]] = [
        {X402: {}} if name == X402 else {MPP: by_card} for name in ways
    ]
    price = {"mode": "dynamic", "currency": CURRENCY, "min": _dollars(least), "max": _dollars(most)}
    info: dict[str, Any] = {"price": price, "protocols": protocols}
    if MPP in ways:
        offer = {"intent": _INTENT, "method": METHOD, "amount": None, "currency": CURRENCY.lower()}
        info["offers"] = [offer]
    return info


def _charged(platform: Platform, amount_cents: int) -> int:
    return amount_cents + platform.fee_cents(MACHINE_ACCOUNT, amount_cents)


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
