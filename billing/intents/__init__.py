"""An account's own ids of its top-ups, the same through every door."""
