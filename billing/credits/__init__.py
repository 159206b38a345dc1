"""Credit that no order brought: grants, check-ins, redemption codes, adjustments."""
