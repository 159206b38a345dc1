"""Receipts and credit notes: numbered without a gap, frozen, printed."""
