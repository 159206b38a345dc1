"""What operators do with stuck top-ups."""
