"""Samples: sizes, allocations, points drawn with equal chance per ground area, and the design that goes with them."""
