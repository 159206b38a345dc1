"""A temporary record of API requests that were refused, failed or changed a setting, for the account that sent them."""
