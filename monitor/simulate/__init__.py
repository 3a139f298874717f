"""A virtual-time world: rule tests, stories, dry runs and backtests run the production code in it."""
