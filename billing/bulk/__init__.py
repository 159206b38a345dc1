"""Accept and run bulk sends: many top-ups in one call."""
