"""The words of the house: frozen values that all rooms share. Standard library only.

A word lives here when two rooms exchange it. What only one room needs stays in that room.
"""
