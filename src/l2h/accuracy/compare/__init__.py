"""Products side by side: one legend, the same points, agreement on the ground, chosen places."""
