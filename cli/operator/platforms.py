"""`topup platforms`: what credit can be sent to, and who supplies it."""

from billing.fulfilment.platform_acts import ACTS
from cli.acts.command import group_of

platforms = group_of(
    "platforms",
    "What credit can be sent to; staging and live have their own. A platform without a supplier isn't offered.",
    ACTS,
)
