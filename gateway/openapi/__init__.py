"""Build the OpenAPI document from the same route table that serves requests."""
