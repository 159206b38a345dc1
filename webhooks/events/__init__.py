"""Events: what may happen, published with the change it tells of, and streamed."""
