"""Accept and run many sends in one call."""
