"""What a plan entitles its account to: a yes or no by name, or so many uses in a time.

A limit is counted by uses that are told (billing/subscriptions/entitlement_use.py), not by money. An
account without a plan is entitled to nothing. Pure.
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
    """The answer to a question. limit null: it is not counted; resets_at null: it never begins anew."""

    name: str
    allowed: bool
    limit: int | None = None
    used: int = 0
    resets_at: int | None = None


class UseCount(msgspec.Struct, frozen=True, gc=False):
    """One row of entitlement_counts: what was used since then."""

    account_id: str
    environment: str
    name: str
    window_start_at: int
    used: int


def entitlements_of(plan: Subscription | None, now_us: int) -> Mapping[str, Entitlement]:
    """By name; of an account without a plan that lives: nothing. A plan whose charge was put off by a pause
    allows what is paid for.
    """
    if plan is None or plan.status not in LIVING:
        return {}
    paid_until_at = plan.paid_until_at or 0
    is_put_off = plan.status == "paused" or (plan.charge_at or 0) > paid_until_at
    if is_put_off and now_us >= paid_until_at:
        return {}
    return plan.grant_terms.entitlements


def window_of(limit: UseLimit, period: PaidSpan | None, now_us: int) -> PaidSpan:
    """The time that the limit counts in now; period: the paid one, null where none is of now."""
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
    """How one entitlement stands; one: as the account's plan has it, null where it has it not."""
    if isinstance(one, UseLimit):
        start, until = window_of(one, period, now_us)
        used = count.used if count is not None and count.window_start_at == start else 0
        return EntitlementState(
            name=name, allowed=used < one.limit, limit=one.limit, used=used, resets_at=until
        )
    return EntitlementState(name=name, allowed=bool(one))
