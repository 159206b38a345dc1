"""Serve the user's own pages: sign-in, settings and consent."""
