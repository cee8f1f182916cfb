"""Networks and their checkpoint format: tensors only."""
