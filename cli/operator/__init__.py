"""Commands of the operator, who sells credit."""
