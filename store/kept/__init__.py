"""Remember acknowledged commits, losses that an operator accepted, and copies of the database."""
