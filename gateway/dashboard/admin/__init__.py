"""Serve operators' pages. They require the `admin` scope."""
