"""Events: what can happen, published with the change they report, and streamed."""
