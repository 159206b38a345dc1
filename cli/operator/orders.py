"""`topup orders`: purchases of credit, what providers reported, and what needs an operator."""

from billing.orders import acts as order_acts
from billing.payments import order_acts as decisions
from cli.acts.command import group_of
from cli.sales.refunds import refund

orders = group_of(
    "orders",
    "Purchases of credit: list, show, refund, and decide what no rule may.",
    (*order_acts.ACTS, *decisions.ACTS),
    refund,
)
