"""Define what is sold (packs, plans and coupons), and let operators change it."""
