"""Sign daily checkpoints of the ledger, and receipts that can be verified with a checkpoint."""
