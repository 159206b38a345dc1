"""What a person sees in a browser, as the menu has it. A page asks the API (tests/test_page_rule.py)."""
