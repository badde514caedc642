"""Maya's own Python programs."""
