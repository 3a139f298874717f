"""The integrations, one file each: its options, its limits, and how a message is handed over.

A kind makes one attempt. It never retries, never sleeps, and turns every foreign error into one of the four outcomes.
"""
