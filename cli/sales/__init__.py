"""What the operator does about payments that were made: refunds and disputes."""
