"""The ways to get at metrics: over HTTP, and from this host itself."""
