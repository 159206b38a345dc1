"""The audit's rules for a day's usage sums and their records.

A record that isn't counted yet is in no sum and no finding.
"""

from typing import Final

from billing.ledger.rule import Rule

_OWN: Final = "account_id = :account_id AND environment = :environment"
_PLACE: Final = "CAST({day} AS TEXT) || ' ' || {key} || ' ' || {model}"
_DAY: Final = _PLACE.format(day="day_start_at", key="key_id || app_id", model="model")
_RECORD: Final = _PLACE.format(
    day="counted_day", key="COALESCE(key_id, '')", model="COALESCE(model, '')"
)
# A key's ID has 20 characters; spent_by begins with the key that placed the hold.
_HOLD: Final = _PLACE.format(
    day="counted_day", key="SUBSTR(COALESCE(spent_by, ''), 1, 20)", model="COALESCE(model, '')"
)
_CHARGE: Final = _PLACE.format(day="counted_day", key="app_id", model="''")
_TOKENS: Final = """COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)
    + COALESCE(cached_tokens, 0)"""


def _added_up(day: str, record: str, hold: str, charge: str) -> str:
    return f"""SELECT s.row_id, SUM(s.expected) AS expected, SUM(s.found) AS found FROM (
            SELECT {_DAY} AS row_id, 0 AS expected, {day} AS found FROM usage_days WHERE {_OWN}
            UNION ALL
            SELECT {_RECORD}, {record}, 0 FROM usage_records
            WHERE {_OWN} AND counted_day IS NOT NULL
            UNION ALL
            SELECT {_HOLD}, {hold}, 0 FROM holds
            WHERE {_OWN} AND status = 'captured' AND counted_day IS NOT NULL
            UNION ALL
            SELECT {_CHARGE}, {charge}, 0 FROM oauth_charges
            WHERE {_OWN} AND counted_day IS NOT NULL
        ) AS s GROUP BY s.row_id HAVING SUM(s.expected) <> SUM(s.found)"""


USAGE_RULES: Final = (
    Rule(
        "a day's usage is what its records add up to",
        "tenant",
        _added_up(
            "amount_micros",
            "amount_micros",
            "captured_micros + COALESCE(overage_micros, 0)",
            "amount_micros",
        ),
    ),
    Rule(
        "a day's usage has each of its records and their tokens",
        "tenant",
        _added_up(f"records + {_TOKENS}", f"1 + {_TOKENS}", f"1 + {_TOKENS}", "1"),
    ),
)
