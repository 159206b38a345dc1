"""Requests to the API that were refused, failed or changed a setting, stored for a while for their sender."""
