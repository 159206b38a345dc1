"""Measurements of the running product, one command each, and the harness that they share."""
