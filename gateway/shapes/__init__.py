"""The shapes of what the API answers with: structs that say each field once, for readers and tests."""
