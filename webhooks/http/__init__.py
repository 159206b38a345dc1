"""The client that calls strangers: which addresses it may reach, and one request's bytes."""
