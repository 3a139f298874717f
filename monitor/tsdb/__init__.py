"""The sample store: frames of series in memory, a write-ahead log on disk.

`SampleStore` (store.py) is a `columns.sink.SampleSink`; its `view()` is a `columns.frame.SampleSource`.
"""
