"""On-call: what happens between "this is broken" and "somebody took it".

`escalation.step` decides, as a plain function of the stored incident, one event, the setting and the time. `escalating`
reads the inbox and the due timers, calls it inside one transaction, and sleeps until the next of either.
"""
