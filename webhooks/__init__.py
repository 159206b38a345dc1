"""Events out: what happened, which endpoints get it, and its delivery."""
