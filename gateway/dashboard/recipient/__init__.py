"""Serve pages that need no account: claims, decisions on sends, and unsubscribing from mail."""
