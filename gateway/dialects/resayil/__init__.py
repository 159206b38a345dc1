"""The Resayil dialect."""
