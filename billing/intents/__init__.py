"""An account's own IDs of its top-ups, the same through every interface."""
