"""Network and imagery to class and confidence of every pixel."""
