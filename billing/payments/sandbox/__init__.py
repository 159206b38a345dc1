"""The sandbox's side of a payment: its checkout, its subscriptions, its clock."""
