"""Number receipts and credit notes without a gap, store them unchangeably, and print them."""
