"""Operators' pages about sales: orders, documents, providers and subscriptions."""
