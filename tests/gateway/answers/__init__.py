"""Every route's answers, good and bad, byte for byte as they were recorded."""
