"""The client for other people's URLs: which addresses it may reach, and one request's bytes."""
