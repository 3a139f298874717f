-- From version 4 to 5.

CREATE TABLE alert_history (
    id  INTEGER PRIMARY KEY,
    at  INTEGER NOT NULL,
    doc BLOB NOT NULL
) STRICT;
