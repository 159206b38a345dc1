"""Orders: placed, paid, reversed, reviewed."""
