"""`topup checkin`: what accounts get for coming by once a day."""

from billing.credits.checkin_acts import ACTS
from cli.acts.command import group_of

checkin = group_of(
    "checkin",
    "What accounts get for coming by once a day; staging and live have their own settings.",
    ACTS,
)
