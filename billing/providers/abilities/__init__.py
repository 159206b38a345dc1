"""What some providers can do and others cannot, one protocol a file."""
