"""The second edition of the API."""
