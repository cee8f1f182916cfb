"""A map's areas against a survey's: classes brought together by a grouping, places by their names."""
