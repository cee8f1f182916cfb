"""Good practice of a validation: what is met and what is not, decided from the project's files."""
