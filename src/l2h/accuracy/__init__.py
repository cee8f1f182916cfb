"""How good the map is: confusion at points and wall to wall, areas, and estimators that fit the design."""
