"""Serve the dashboard's pages. They run the same acts as the API (tests/test_page_rule.py)."""
