"""What pages and documents share: templates, forms, static files, formats."""
