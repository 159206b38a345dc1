"""Accounts by operators: made, found, changed, suspended, and how their people sign in (keys/account.py has
the rows).
"""
