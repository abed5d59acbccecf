"""Neural architecture search over networks that use their weights more than once."""
