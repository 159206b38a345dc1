"""Provide templates, forms, static files and formats for pages and documents."""
