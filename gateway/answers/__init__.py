"""Build responses: the envelope, the numeric codes, and the text of errors."""
