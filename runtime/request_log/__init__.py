"""What came to the API and was refused, failed, or changed a setting: kept for a while for its sender to see."""
