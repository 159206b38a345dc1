"""Compare money settings with the audit log. Each must have the value that its last entry set.

A setting without entries isn't checked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from billing.ledger.money import MICROS_PER_CREDIT
from billing.proof.check import ROWS_AT_ONCE, Broken, Place, Step, differs, fails
from kernel.tenant import Tenant
from store.database import Row, Transaction

PRICES: Final = "a version of a price is what its act set"
SETTING: Final = "a limit, price or rule is what its last act set"

Named = Mapping[str, Any]
SettingKey = tuple[str, ...]


class _Source(NamedTuple):
    table: str
    acts: Sequence[str]
    keys: Sequence[str]
    columns: Mapping[str, str]
    key_of: Callable[[Row, Named], SettingKey] = lambda row, _after: (row["subject_id"],)
    scale: int = 1


def _of_environment(row: Row, _after: Named) -> SettingKey:
    return (row["environment"], row["subject_id"])


def _fee(row: Row, after: Named) -> SettingKey:
    return (row["environment"], row["subject_id"], after.get("account") or "")


def _same(*names: str) -> Mapping[str, str]:
    return {name: name for name in names}


OF_ACCOUNTS: Final = (
    _Source(
        "api_keys",
        ("key.created", "key.changed"),
        ("id",),
        _same(
            *("per_call_cents", "per_day_cents", "per_month_cents", "lifetime_cents"),
            *("approval_threshold_cents", "approval_above_per_day_cents"),
        ),
    ),
    _Source(
        "account_environments",
        ("account.limited",),
        ("account_id", "environment"),
        {"per_day_cents": "day_limit_cents"},
        lambda row, _after: (row["subject_id"], row["environment"]),
    ),
    _Source("credit_adjustments", ("credit.adjust",), ("id",), _same("credits")),
    _Source(
        "refunds",
        ("order.refund",),
        ("id",),
        _same("amount"),
        lambda _row, after: (after.get("refund_id", ""),),
    ),
    _Source("oauth_apps", ("app.created",), ("id",), _same("cap_micros")),
    _Source(
        "recharges",
        ("recharge.set",),
        ("account_id", "environment"),
        _same("below_cents", "amount_cents", "monthly_max_cents"),
        lambda row, _after: (row["subject_id"], row["environment"]),
    ),
    _Source(
        "account_environments",
        ("balance.watched",),
        ("account_id", "environment"),
        _same("low_balance_threshold_micros"),
        lambda row, _after: (row["subject_id"], row["environment"]),
    ),
)
_PLACE: Final = ("environment", "id")
OF_ENVIRONMENTS: Final = (
    _Source(
        "packs",
        ("pack.create", "pack.enable", "pack.disable"),
        _PLACE,
        _same("amount", "credits", "bonus_credits"),
        _of_environment,
    ),
    _Source(
        "plans",
        ("plan.create", "plan.update"),
        _PLACE,
        _same("price_monthly", "price_yearly", "credits_included", "trial_credits"),
        _of_environment,
    ),
    _Source(
        "coupons",
        ("coupon.create", "coupon.enable", "coupon.disable"),
        ("id",),
        _same("percent", "amount_off", "minimum_amount"),
    ),
    _Source(
        "platforms",
        ("platform.create", "platform.update"),
        _PLACE,
        _same("min_amount_cents", "max_amount_cents"),
        _of_environment,
    ),
    _Source(
        "platform_fees",
        ("platform.fee_set", "platform.fee_clear"),
        ("environment", "platform", "account_id"),
        _same("fixed_cents", "basis_points", "min_cents", "max_cents"),
        _fee,
    ),
    _Source(
        "checkin_settings",
        ("checkin.configure",),
        ("environment",),
        _same("credits_min", "credits_max", "streak_bonus_credits", "daily_budget_credits"),
    ),
    _Source(
        "redemption_batches",
        ("codes.create",),
        ("id",),
        {"credits": "credits_micros"},
        scale=MICROS_PER_CREDIT,
    ),
)
_DELETED: Final = frozenset({"recharges"})
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_OWN: Final = "account_id = :account_id AND (environment = :environment OR environment = '')"
_SHARED: Final = "account_id IS NULL AND environment = :environment"


class SettingCheck:
    rules = (SETTING,)

    def __init__(self) -> None:
        self._seen: set[tuple[str, SettingKey, str]] = set()
        self._top = ""

    async def step(self, tx: Transaction, at: Place) -> Step:
        sources = OF_ACCOUNTS if at.tenant.account_id else OF_ENVIRONMENTS
        acts = [act for source in sources for act in source.acts]
        given: dict[str, Any] = {"environment": at.tenant.environment, "acts": acts}
        own = _SHARED
        if at.tenant.account_id:
            own, given["account_id"] = _OWN, at.tenant.account_id
        select = f"""SELECT id, action, environment, subject_id, before, after FROM audit_log
            WHERE {own} AND action IN :acts[text]"""
        if at.after:
            rows = await tx.fetch(f"{select} AND id > :top", **given, top=self._top)
            for source in sources:
                self._news(source, rows)
        rows = await tx.fetch(
            f"{select} AND id < :below ORDER BY id DESC LIMIT {ROWS_AT_ONCE}",
            **given,
            below=at.after or "~",
        )
        if rows and not at.after:
            self._top = rows[0]["id"]
        broken: list[Broken] = []
        for source in sources:
            told = self._news(source, rows)
            broken += await _compared(tx, source, told, at.tenant)
        return Step(broken, rows[-1]["id"] if len(rows) == ROWS_AT_ONCE else None)

    def _news(self, source: _Source, rows: Sequence[Row]) -> Mapping[SettingKey, Named]:
        told: dict[SettingKey, dict[str, Any]] = {}
        for row in rows:
            if row["action"] not in source.acts:
                continue
            values = _decode(row["after"]) if row["after"] else {}
            known = values or (_decode(row["before"]) if row["before"] else {})
            key = source.key_of(row, known)
            for name, column in source.columns.items():
                place = (source.table, key, column)
                if name in known and place not in self._seen:
                    self._seen.add(place)
                    if values:
                        told.setdefault(key, {})[column] = values[name]
        return told


class PriceCheck:
    rules = (PRICES,)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows = await tx.fetch(
            f"""SELECT id, after FROM audit_log
                WHERE {_SHARED} AND action = 'price.set' AND id > :after AND after IS NOT NULL
                ORDER BY id LIMIT {ROWS_AT_ONCE}""",
            environment=at.tenant.environment,
            after=at.after,
        )
        told: dict[tuple[str, int], Sequence[int | None]] = {}
        for row in rows:
            values = _decode(row["after"])
            for model, figures in values.get("prices", {}).items():
                if figures is not None:
                    told[model, int(values["version"])] = figures
        prices = await tx.fetch(
            """SELECT p.model, p.version, p.input_micros, p.output_micros, p.cached_micros
               FROM :told[model text, version bigint] AS v CROSS JOIN usage_prices p
               WHERE p.environment = :environment AND p.model = v.model AND p.version = v.version""",
            told=sorted(told),
            environment=at.tenant.environment,
        )
        found = {(row[0], int(row[1])): tuple(row)[2:] for row in prices}
        broken = [
            broken
            for (model, version), figures in told.items()
            for broken in fails(
                PRICES, model, is_true=tuple(figures) == found.get((model, version))
            )
        ]
        return Step(broken, rows[-1]["id"] if len(rows) == ROWS_AT_ONCE else None)


async def _compared(
    tx: Transaction, source: _Source, told: Mapping[SettingKey, Named], tenant: Tenant
) -> Sequence[Broken]:
    if not told:
        return ()
    names = ", ".join(f"{name} text" for name in source.keys)
    where = " AND ".join(f"s.{name} = v.{name}" for name in source.keys)
    if tenant.account_id:
        where += " AND s.account_id = :account_id"
    picked = ", ".join(f"s.{name}" for name in (*source.keys, *source.columns.values()))
    rows = await tx.fetch(
        f"""SELECT {picked} FROM :keys[{names}] AS v CROSS JOIN {source.table} s WHERE {where}""",
        keys=sorted(told),
        **({"account_id": tenant.account_id} if tenant.account_id else {}),
    )
    found = {tuple(row[name] for name in source.keys): row for row in rows}
    return [
        broken
        for key, values in told.items()
        for broken in _differing(source, key, values, found.get(key))
    ]


def _differing(source: _Source, key: SettingKey, told: Named, row: Row | None) -> Iterator[Broken]:
    if row is None:
        if source.table not in _DELETED:
            yield Broken(SETTING, key[-1], 1, 0)
        return
    for column, value in told.items():
        expected = None if value is None else int(value) * source.scale
        if expected != row[column]:
            figures = (-1 if one is None else int(one) for one in (expected, row[column]))
            yield from differs(SETTING, key[-1], *figures)
