"""Place orders for credit, settle their payments, and take credit back when money is returned."""
