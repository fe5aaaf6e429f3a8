"""Space: boundaries, where a point lies, and (later) neighbours and hotspots. Pure functions, no store, no screen."""
