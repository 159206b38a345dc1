"""The dashboard's pages. A page reads and runs acts (tests/test_page_rule.py)."""
