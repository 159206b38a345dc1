"""Serve operators' pages about sales: orders, documents, providers and subscriptions."""
