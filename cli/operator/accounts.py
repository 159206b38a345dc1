"""`topup accounts`: tenants."""

from billing.accounts import acts, people_acts
from billing.accounts.credit_acts import ADJUST_CREDIT
from billing.payments.recharging import acts as recharging
from billing.reports import day_limit
from cli.acts.command import group_of
from keys.security_log import LIST_ENTRIES

accounts = group_of(
    "accounts",
    "Tenants: merchants, agent operators, end users.",
    (
        *acts.ACTS,
        *people_acts.ACTS,
        *day_limit.ACTS,
        LIST_ENTRIES,
        ADJUST_CREDIT,
        *recharging.ACTS,
    ),
)
