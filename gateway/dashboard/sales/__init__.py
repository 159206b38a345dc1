"""Operators' pages about sales: orders, documents, providers, subscriptions."""
