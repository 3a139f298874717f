"""The ways in which Prometheus discovers targets, a structure each; `registry` finds them by their key."""
