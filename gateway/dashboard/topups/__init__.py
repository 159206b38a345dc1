"""Serve pages about top-ups: sending, history, approvals and vouchers."""
