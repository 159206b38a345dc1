"""Events: published with the change they report, and streamed."""
