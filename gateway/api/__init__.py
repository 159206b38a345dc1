"""Our own API, one file for each resource."""
