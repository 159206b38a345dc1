"""Manage subscriptions: their periods, their changes, and the credit that is taken back."""
