"""A temporary record of an account's API requests that were refused, failed or changed a setting."""
