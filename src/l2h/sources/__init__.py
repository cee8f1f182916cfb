"""What comes in: imagery, land-cover products, OpenStreetMap, boundaries, survey tables."""
