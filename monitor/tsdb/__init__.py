"""The sample store: frames of series in memory, a write-ahead log and sealed blocks on disk.

A *frame* is what is written together: a shared time column and a matrix of values, kept in chunks of 64 slots. Chunks
that are full and a few minutes old are packed to one or two bytes a sample, still readable series by series. What is
hours old is sealed into compressed blocks, which readers see through the same frames. The room does not read clocks; times
are arguments.

Writing (on the loop; store.py, with head.py for what is in memory and intake.py for what is taken):

- `SampleStore.in_memory(retention)`, or `SampleStore.recover(folder, retention, now, fsync=Fsync.NEVER)`, which answers
  `(store, RecoveryReport)` and never fails;
- `store.open(labels) -> FrameWriter` with `append(at, values)`, `replace(labels)`, `close(at)`; opening series whose
  frame has no writer (closed, or replayed) takes that frame up again;
- `store.append(at, samples)` for loose samples; `store.append_stamped(at, samples)` for those whose time others have set,
  which may come late: `store.take_late(window)` says how late.

Reading (in any thread, view.py):

- `store.view() -> View`, a `SampleSource`: `select(matchers, start, end)`, and `series`, `label_names`, `label_values`.

Housekeeping:

- `store.forget(now)`, on the loop, every few seconds: retention, and a few milliseconds of packing; `store.pack(now)`
  packs more and tells whether there is more to do;
- `store.begin_sealing(now)`, on the loop, answers a block that is due; `step` it in worker threads until it is done and
  give it to `store.end_sealing`; no `forget` in between; likewise `begin_merging` and `end_merging`;
- `store.flush(now)` at most once a second while `store.dirty`, on the loop or in a worker thread, one at a time;
  `store.close(now)` at the end;
- `store.health() -> StoreHealth`, `store.stats() -> StoreStats`.

A disk that fails never reaches a writer: samples stay in memory, `health` tells, later flushes catch up.
"""
