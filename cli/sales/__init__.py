"""What the operator does about payments: refunds and disputes."""
