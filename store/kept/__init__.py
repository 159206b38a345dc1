"""What was acknowledged, and what an operator gave up of it."""
