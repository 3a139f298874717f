"""Reading YAML as programs in Go read it: Prometheus's files and Alertmanager's, which both must be taken or refused as there.

`kinds` are the values that a key can hold, `structs` the mappings and lists of them with the rules between keys, and
`http_client` the structure that both formats share: who we are to the other side of HTTP, of which `clients` makes what the
rooms ask with. Formats are data made of these.
"""
