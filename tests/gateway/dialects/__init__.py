"""The dialects, held against their vendors' published examples."""
