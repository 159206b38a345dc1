"""Commands that aren't acts, such as login, listen and verify."""
