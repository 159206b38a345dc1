"""Let operators decide on stuck top-ups."""
