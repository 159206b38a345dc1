"""Run loops over money: orders to check at their provider, plans and credit that expire."""
