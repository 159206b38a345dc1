"""Pages about money: buying, orders, plans, usage, the statement."""
