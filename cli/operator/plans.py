"""`topup plans`: what subscriptions are sold as."""

from billing.catalog.plan_acts import ACTS
from cli.acts.command import group_of

plans = group_of("plans", "Credit by the month or the year; staging and live have their own.", ACTS)
