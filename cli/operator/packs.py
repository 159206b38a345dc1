"""`topup packs`: what credit is sold as."""

from billing.catalog.pack_acts import ACTS
from cli.acts.command import group_of

packs = group_of(
    "packs", "Amounts of credit that are sold as one; staging and live have their own.", ACTS
)
