"""Build the OpenAPI document from the route table that also routes requests."""
