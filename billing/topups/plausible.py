"""Check whether a supplier's delivery is plausible before accepting it. If it is doubtful, an operator decides."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from billing.topups.topup import Deliverable, TopUp
from kernel.clock import rfc3339

SANDBOX_MARK: Final = "SANDBOX-"
COST_PERCENT_MAX: Final = 100
_SHARED_SEPARATOR: Final = ","


class DeliveryTerms(msgspec.Struct, frozen=True, gc=False):
    is_shared: bool = False
    cost_max_percent: int = COST_PERCENT_MAX


NO_TERMS: Final = DeliveryTerms()


class SupplierTerms(msgspec.Struct, frozen=True, gc=False):
    """A supplier's exemptions from the checks. `shared_codes` lists, comma-separated, each `platform` or
    `platform:amount_cents` whose codes may repeat.
    """

    shared_codes: str = ""
    cost_max_percent: int = COST_PERCENT_MAX

    def of(self, platform: str, amount_cents: int) -> DeliveryTerms:
        named = {one.strip() for one in self.shared_codes.split(_SHARED_SEPARATOR)}
        is_shared = bool(named & {platform, f"{platform}:{amount_cents}"})
        return DeliveryTerms(is_shared, self.cost_max_percent)


NO_SUPPLIER_TERMS: Final = SupplierTerms()


def doubt_of(
    topup: TopUp,
    given: Deliverable | None,
    cost_cents: int | None,
    terms: DeliveryTerms,
    now_us: int,
) -> str | None:
    if given is not None and (doubt := doubt_of_given(topup, given, now_us)) is not None:
        return doubt
    limit_cents = topup.charged_cents * terms.cost_max_percent // 100
    if cost_cents is not None and cost_cents > limit_cents:
        return (
            f"It says that it takes {cost_cents} US cents for a top-up whose sender paid"
            f" {topup.charged_cents}; at most {limit_cents} are plausible (cost_max_percent)."
        )
    return None


def doubt_of_given(topup: TopUp, given: Deliverable, now_us: int) -> str | None:
    value = given.value or ""
    if given.expires_at is not None and given.expires_at <= now_us:
        return f"The {given.kind} had expired when it came, at {rfc3339(given.expires_at)}."
    if given.kind == "link" and not _is_link(value, topup.environment):
        return "The link does not begin with https://."
    if topup.environment == "live" and SANDBOX_MARK in value:
        return "It is a code of the sandbox, and this top-up is live."
    return None


def doubt_of_echo(
    topup_platform: str,
    topup_amount_cents: int,
    topup_environment: str,
    *,
    platform: str | None,
    amount_cents: int | None,
    environment: str | None,
) -> str | None:
    if platform is not None and platform != topup_platform:
        return f"It says that this is for {platform[:40]}; {topup_platform} was ordered."
    if amount_cents is not None and amount_cents != topup_amount_cents:
        return f"It says that this is worth {amount_cents} US cents; {topup_amount_cents} were ordered."
    if environment is not None and environment != topup_environment:
        return f"It says that this is of {environment[:40]}; the top-up is of {topup_environment}."
    return None


def _is_link(value: str, environment: str) -> bool:
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return False
    schemes = {"https"} if environment == "live" else {"https", "http"}
    return parts.scheme in schemes and bool(parts.hostname)
