"""Configuration: files and environment become the frozen values that the rooms take.

`yamltree` reads YAML with places, `fields` gives each kind of value its text form, `document` holds our own file's models,
`prometheus`, `alertmanager_file` and `rule_files` read what others invented, `loading` puts it all together.
"""
