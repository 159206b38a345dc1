"""The operator's pages of what is sold: orders, plans, packs, coupons, what waits for a decision."""
