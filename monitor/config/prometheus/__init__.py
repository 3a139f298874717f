"""Prometheus's own configuration, all of it.

A file that Prometheus takes we take, and one that it refuses we refuse for the same reason and in the same words, whether
or not we serve what it speaks of: somebody who brings a file must be able to trust the answer. So the whole format is
written down as data, `monitor.config.golang` says how a tree is read by it, and one module for each part of the format
holds its keys and the rules between them. What is known and not served is one warning. `file` reads a file, `jobs` makes
of it what the daemon runs. The many ways of discovery are imported only when a file names one.
"""
