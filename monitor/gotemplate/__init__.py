"""Go's text/template: what rule annotations and notification templates of others are written in.

Text is cut into tokens (`lexer`), read into a small tree (`parser`, `tree`) once, when a file is loaded, and walked as
often as needed (`executor`). Everything here is a function of its arguments; the functions a template may call and the
variables behind them are arguments too, so the same tree serves rules, notifications and tests.

Data are plain Python values: str, int, float, bool, None, sequences, mappings, aware datetimes, and `values.Object`s,
which say themselves what templates may see of them: nothing is looked up on foreign objects. Numbers and collections
print as Go prints them. Errors carry Go's wording and places, because people search the web for those.

A template comes from a configuration file, but its data come from labels and bodies of strangers, so execution is bounded
in steps, depth and output. Not served: complex numbers, channels, `iter.Seq`, custom delimiters. `html` escapes what
actions give for the place in an HTML document where they stand.
"""
