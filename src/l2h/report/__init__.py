"""The page a run leaves: what was made, how good it is, what it cost, in one file that opens from disk."""
