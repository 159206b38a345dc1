"""Build reports from the tables of several subjects."""
