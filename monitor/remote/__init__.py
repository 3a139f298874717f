"""Samples by Prometheus's remote write, version 1: taken from senders, and sent on to receivers.

The message is small and fixed, so a wire codec of our own reads and writes it (`wire`, `messages`); compression is snappy's
block format, an extra. What comes in is written like any other sample. What goes out is made into requests a few seconds
at a time and put on disk, and leaves from there in order, one request after the other, until the receiver has taken or
refused it: a restart or an absent receiver loses nothing that a bounded queue can hold.
"""
