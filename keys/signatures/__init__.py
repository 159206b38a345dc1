"""Make and check webhook signatures."""
