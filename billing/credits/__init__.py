"""Credit that doesn't come from an order: grants, check-ins, redemption codes, adjustments."""
