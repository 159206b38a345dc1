"""The served documentation: pages for people, plain text for programs."""
