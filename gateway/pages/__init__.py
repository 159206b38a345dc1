"""What a person sees in a browser: server-made pages over the same calls as the API."""
