"""Handle everything between an HTTP request and its response."""
