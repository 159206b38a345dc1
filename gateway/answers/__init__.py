"""Build responses: the envelope, numeric codes and error texts."""
