"""Parser states: which texts a grammar goes on from alike, so that they share one mask."""
