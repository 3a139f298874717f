-- From version 1 to 2.

CREATE TABLE silences (
    id  TEXT PRIMARY KEY,
    doc TEXT NOT NULL
) STRICT;
