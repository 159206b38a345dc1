"""Many sends in one call: batches and their items."""
