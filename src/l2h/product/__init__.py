"""Product: the map cut into cities, packed by province, listed, described and checked."""
