"""What a colleague made for an account, listed when they leave and ended with one act."""
