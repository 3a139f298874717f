"""The command line: one file a verb.

Verbs that read or change live state speak to the daemon over HTTP, never to its database. Every verb can answer in JSON
(`--json`), and every exit code is in one table (`exits`). `run` passes by typer and rich: the daemon's start is what
people wait for.
"""
