"""Serve pages for payers, who have no account: the sandbox's checkout and portal, and the order's status."""
