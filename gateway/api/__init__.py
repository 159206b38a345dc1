"""The gateway's own API, with one file for each resource."""
