"""`topup fees`: what a send costs beside its amount."""

from billing.fulfilment.fee_acts import ACTS
from cli.acts.command import group_of

fees = group_of(
    "fees",
    "What a send costs beside its amount: a fixed part and a share of it, for all accounts or for one.",
    ACTS,
)
