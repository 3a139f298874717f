"""PromQL on columns: text to tree, tree to plan, plan over matrices.

`parser.parse(text)` reads the whole language and reports mistakes with byte places; `printer.to_text` and `pretty` write it
back; `check.check_supported` says what this engine does not evaluate; `inspect` tells what an expression reads.
`engine.Query(text)` is an expression made ready once: `.instant(source, at)` and `.range(source, start, end, step)` evaluate
it over a `SampleSource`. Everything here is a pure function of its arguments: nothing waits, logs or reads a clock, so a
query may run in a worker thread over a view of the store.

Every value inside the evaluator is a `matrix.Block`: all series of one intermediate result, and all steps of the query, in
one array. One instant is a block of one column. Series come out of the store in frames, which share their times; what is
planned from label sets alone (selection order, groups, matches) is kept with the query for as long as the store hands out the
same label sequences.

Native histograms are not evaluated: functions that need them are refused when a query is made.
"""
