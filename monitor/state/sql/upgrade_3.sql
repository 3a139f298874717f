-- From version 3 to 4.

CREATE TABLE maintenance (
    key TEXT PRIMARY KEY,
    doc TEXT NOT NULL
) STRICT;
