"""Let operators decide about stuck top-ups."""
