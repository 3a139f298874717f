"""Metrics bodies: what targets answer when they are scraped, read without trusting a byte of it."""
