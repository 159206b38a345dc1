"""How a platform is topped up: one file for each way, and the protocol they keep."""
