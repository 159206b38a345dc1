"""What is sold: packs, plans, coupons, and how operators change them."""
