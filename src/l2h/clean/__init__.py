"""Clean samples of a project: points and drawn ground whose class somebody has looked up, made ready for training."""
