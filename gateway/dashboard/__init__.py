"""The pages that a person sees in a browser, as the menu has them. A page calls the API
(tests/test_page_rule.py).
"""
