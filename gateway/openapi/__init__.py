"""The OpenAPI document, made from the same route table that routes requests."""
