"""Give credit that was not ordered: grants, check-ins, redemption codes and adjustments."""
