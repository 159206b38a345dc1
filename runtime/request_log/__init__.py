"""Record an account's API requests that were refused, failed or changed a setting. Records are temporary."""
