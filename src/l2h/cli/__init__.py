"""The face at the terminal: parse, run one stage, render."""
