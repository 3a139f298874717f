"""Scraping: targets are asked for their metrics, and every answer or failure becomes samples."""
