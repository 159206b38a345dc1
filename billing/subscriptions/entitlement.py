"""What a plan entitles its account to: yes or no by name, or a number of uses in a time.

A limit counts reported uses, once for each reference, under the account's lock; so parallel uses never exceed
it. A refused use isn't counted, and may be retried under its reference.
"""

import difflib
from collections.abc import Iterable, Mapping

import msgspec

from billing.catalog.grant_terms import Entitlement, UseLimit
from billing.subscriptions.subscription import LIVING, Subscription
from kernel.clock import DAY_US, day_start_us, month_start_us, next_month_start_us
from kernel.errors import NotFound

PaidSpan = tuple[int, int]  # from, until; microseconds, by the account's own clock


class UnknownEntitlement(NotFound):
    """No plan that is or was sold here names it: a mistyped name is no "no"."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("Entitlement", param="name")
        alike = difflib.get_close_matches(name, sorted(set(known)), n=1)
        if alike:
            self.extra["did_you_mean"] = alike[0]


class EntitlementState(msgspec.Struct, frozen=True, kw_only=True):
    """limit null: it isn't counted; resets_at null: it never resets."""

    name: str
    allowed: bool
    limit: int | None = None
    used: int = 0
    resets_at: int | None = None


class UseCount(msgspec.Struct, frozen=True, gc=False):
    account_id: str
    environment: str
    name: str
    window_start_at: int
    used: int


def entitlements_of(plan: Subscription | None, now_us: int) -> Mapping[str, Entitlement]:
    """Return them by name. A pause's postponed charge doesn't end them."""
    if plan is None or plan.status not in LIVING:
        return {}
    paid_until_at = plan.paid_until_at or 0
    is_put_off = plan.status == "paused" or (plan.charge_at or 0) > paid_until_at
    if is_put_off and now_us >= paid_until_at:
        return {}
    return plan.grant_terms.entitlements


def window_of(limit: UseLimit, period: PaidSpan | None, now_us: int) -> PaidSpan:
    """Return the time in which the limit counts now; period: the present paid one."""
    if limit.period == "day":
        start = day_start_us(now_us)
        return start, start + DAY_US
    if limit.period == "month" or period is None:
        return month_start_us(now_us), next_month_start_us(now_us)
    return period


def state_of(
    name: str,
    one: Entitlement | None,
    count: UseCount | None,
    *,
    period: PaidSpan | None,
    now_us: int,
) -> EntitlementState:
    if isinstance(one, UseLimit):
        start, until = window_of(one, period, now_us)
        used = count.used if count is not None and count.window_start_at == start else 0
        return EntitlementState(
            name=name, allowed=used < one.limit, limit=one.limit, used=used, resets_at=until
        )
    return EntitlementState(name=name, allowed=bool(one))
