"""Sealed daily checkpoints of the ledger, and receipts that prove themselves over them."""
