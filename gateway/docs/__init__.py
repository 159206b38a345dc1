"""The documentation that the gateway serves: pages for people, plain text for programs."""
