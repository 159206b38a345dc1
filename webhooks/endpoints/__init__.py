"""Endpoints: where an account wants its events; tried out, and switched off."""
