"""`topup codes`: single redemption codes, by their last characters."""

from billing.credits.code_acts import CODE_ACTS
from cli.acts.command import group_of

codes = group_of(
    "codes", "Redemption codes: each is worth credit to whoever redeems it first.", CODE_ACTS
)
