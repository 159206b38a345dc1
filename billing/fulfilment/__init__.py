"""How a platform is topped up: one file for each kind of supplier, and their protocol."""
