"""Top-ups: sent, settled, approved; their vouchers and platforms."""
