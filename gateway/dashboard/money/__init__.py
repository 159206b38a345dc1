"""Serve pages about money: purchases, orders, plans, usage and statements."""
