"""From a decided message to a vendor that has it, or to somebody who was told why not.

A message becomes an outbox row in the transaction that decides it. From there on three things are kept apart: what may be
sent next and what an answer means (`outbox`, `attempts`, `redirects`, `throttling`, `circuits`: pure), how a message looks
to a vendor (`dressing`: pure), and the talking itself (`kinds`, driven by `delivering`, which learns of the vendors in
`channels`).

The part believes that a vendor's answer can be lost at any moment. So each attempt ends in one of four ways: delivered,
surely not there (try later), surely never (rejected), or not known; and only the last may lead to a repetition, which is
then invisible (the vendor knows the key), avoided (we ask the vendor), or marked as one.
"""
