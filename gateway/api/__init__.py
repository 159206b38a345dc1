"""Our own API, one file for each resource; each file lists its routes."""
