"""The OhMyGPT OAuth dialect."""
