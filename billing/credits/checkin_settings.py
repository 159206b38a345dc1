"""What a check-in awards in each environment: the operator's choice, or these defaults.

Off in live until an operator turns it on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kernel.errors import InvalidInput
from store.database import Transaction
from store.row_mapping import RowMapping

CREDITS_MAX = 1_000_000_000
STREAK_DAYS_MAX = 365
BUDGET_MAX = CREDITS_MAX * 1000


@dataclass(frozen=True, slots=True)
class CheckinSettings:
    """In credits. The award is random between credits_min and credits_max.

    Each later day of a streak adds the bonus, up to streak_days_max times. daily_budget_credits: for all
    accounts together, by UTC day; null: unlimited.
    """

    is_enabled: bool
    credits_min: int
    credits_max: int
    streak_bonus_credits: int = 0
    streak_days_max: int = 7
    daily_budget_credits: int | None = None

    def bonus_credits(self, streak: int) -> int:
        return self.streak_bonus_credits * min(streak - 1, self.streak_days_max)


DEFAULTS: Mapping[str, CheckinSettings] = {
    "staging": CheckinSettings(
        is_enabled=True,
        credits_min=100,
        credits_max=100,
        streak_bonus_credits=10,
        daily_budget_credits=1_000_000,
    ),
    "live": CheckinSettings(
        is_enabled=False,
        credits_min=100,
        credits_max=100,
        streak_bonus_credits=10,
        daily_budget_credits=100_000,
    ),
}


async def read_settings(tx: Transaction, environments: Iterable[str]) -> dict[str, CheckinSettings]:
    wanted = sorted(set(environments))
    rows = await tx.fetch(_READ, environments=wanted)
    chosen = {row["environment"]: _ROWS.read(row) for row in rows}
    return {environment: chosen.get(environment, DEFAULTS[environment]) for environment in wanted}


async def write_settings(
    tx: Transaction, environment: str, settings: CheckinSettings, *, now_us: int
) -> None:
    _check(settings)
    await tx.insert(
        "checkin_settings",
        (*_ROWS.columns, "environment", "updated_at"),
        [(*_ROWS.write(settings), environment, now_us)],
        on_conflict="""ON CONFLICT (environment) DO UPDATE SET
            is_enabled = excluded.is_enabled, credits_min = excluded.credits_min,
            credits_max = excluded.credits_max,
            streak_bonus_credits = excluded.streak_bonus_credits,
            streak_days_max = excluded.streak_days_max,
            daily_budget_credits = excluded.daily_budget_credits,
            updated_at = excluded.updated_at""",
    )


_ROWS = RowMapping(CheckinSettings)
_READ = f"""
SELECT {_ROWS.listed}, environment FROM checkin_settings WHERE environment IN :environments[text]
"""


def _check(settings: CheckinSettings) -> None:
    limits = {
        "credits_min": (settings.credits_min, 1, CREDITS_MAX),
        "credits_max": (settings.credits_max, settings.credits_min, CREDITS_MAX),
        "streak_bonus_credits": (settings.streak_bonus_credits, 0, CREDITS_MAX),
        "streak_days_max": (settings.streak_days_max, 0, STREAK_DAYS_MAX),
    }
    if settings.daily_budget_credits is not None:
        limits["daily_budget_credits"] = (settings.daily_budget_credits, 0, BUDGET_MAX)
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise InvalidInput(
                "{param} must be from {low} to {high}.", param=name, low=low, high=high
            )
