"""The user guide of a product, written from its release."""
