"""Pages about top-ups: sending, history, approvals and vouchers."""
