"""Operators' pages, which require the `admin` scope."""
