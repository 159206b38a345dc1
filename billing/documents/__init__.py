"""Number receipts and credit notes without gaps, store them permanently, and print them."""
