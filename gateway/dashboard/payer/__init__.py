"""Serve pages for payers without an account: the sandbox's checkout and portal, and an order's status."""
