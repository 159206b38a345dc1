"""`topup stock`: codes that a `code_stock` supplier hands out. A code is never shown again."""

from billing.fulfilment.stock_acts import ACTS
from cli.acts.command import group_of

stock = group_of("stock", "Codes that were uploaded: each goes to one top-up, once.", ACTS)
