"""The composition root: the only room that chooses implementations.

`daemon` wires the rooms together and owns their lives; the other modules here are the adapters between two rooms that do
not know each other.
"""
