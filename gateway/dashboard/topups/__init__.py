"""Pages about top-ups: sending, history, approvals, vouchers."""
