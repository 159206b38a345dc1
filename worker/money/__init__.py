"""The worker's loops over money: orders to ask about, plans and credit that run out."""
