"""Probing: is it up, is it well, and if not, why not?

Kinds (`kinds/`) make attempts and know nothing of thresholds; `expect` and `dialects` read answers and know nothing of
sockets; `verdict` judges runs of outcomes; `probing` runs it all and writes the samples.
"""
