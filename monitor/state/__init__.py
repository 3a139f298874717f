"""Durable state: the stores behind the features' Protocols, on SQLite.

Statements are named in `sql/*.sql`. One file, write-ahead logged, `synchronous=FULL`: what a decision wrote survives power
loss. All writing happens on one thread, and decisions that are ready together share a transaction.
"""
