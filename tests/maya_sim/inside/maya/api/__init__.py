"""Maya's second Python API."""
