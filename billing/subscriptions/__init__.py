"""Subscriptions: their periods, what changes them, what is taken back."""
