"""The generated country: inputs with known answers, for tests, the demonstration and ranking of methods."""
