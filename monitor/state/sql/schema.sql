-- The whole schema of version 5. Instants are UTC milliseconds. Documents are JSON (monitor/state/codec.py).
-- `epoch`, `fence` and `lease_until` are for several deciders on one database; a single daemon keeps them at their defaults.

CREATE TABLE alert_groups (
    id      TEXT PRIMARY KEY,
    doc     TEXT NOT NULL,
    epoch   INTEGER NOT NULL DEFAULT 0,
    fence   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Without an index: the store remembers which row is whose, and new members are written side by side, not each to a page
-- of its own.
CREATE TABLE alert_members (
    id       INTEGER PRIMARY KEY,
    group_id TEXT NOT NULL,
    doc      TEXT NOT NULL
) STRICT;

-- What began to fire and what ended, a row for each decision.
CREATE TABLE alert_history (
    id  INTEGER PRIMARY KEY,
    at  INTEGER NOT NULL,
    doc BLOB NOT NULL
) STRICT;

CREATE TABLE silences (
    id  TEXT PRIMARY KEY,
    doc TEXT NOT NULL
) STRICT;

-- Windows that were added at run time, and what became of those of the configuration file.
CREATE TABLE maintenance (
    key TEXT PRIMARY KEY,
    doc TEXT NOT NULL
) STRICT;

CREATE TABLE rule_alerts (
    group_key TEXT NOT NULL,
    key       TEXT NOT NULL,
    doc       TEXT NOT NULL,
    PRIMARY KEY (group_key, key)
) STRICT;

CREATE TABLE check_states (
    name TEXT PRIMARY KEY,
    doc  TEXT NOT NULL
) STRICT;

-- Single values: the instance's name, when the daemon was last alive.
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- What was handed over and is not decided upon yet: to on-call group changes (with their key) and delivery reports (with
-- the incident they are about), to the alert side plain notifications that were not delivered.
CREATE TABLE inbox (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    policy    TEXT NOT NULL DEFAULT '',
    group_key TEXT NOT NULL DEFAULT '',
    incident  TEXT NOT NULL DEFAULT '',
    doc       TEXT NOT NULL
) STRICT;

CREATE TABLE incidents (
    id         TEXT PRIMARY KEY,
    number     INTEGER NOT NULL UNIQUE,
    policy     TEXT NOT NULL,
    group_key  TEXT NOT NULL,
    generation INTEGER NOT NULL,
    state      TEXT NOT NULL,
    opened_at  INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    fence      INTEGER NOT NULL DEFAULT 0,
    doc        TEXT NOT NULL,
    UNIQUE (policy, group_key, generation)
) STRICT;

CREATE INDEX incidents_by_state ON incidents (state, number);

CREATE TABLE timers (
    owner       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    due_at      INTEGER NOT NULL,
    epoch       INTEGER NOT NULL DEFAULT 0,
    fence       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, kind)
) STRICT;

CREATE INDEX timers_by_due ON timers (due_at);

CREATE TABLE outbox (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    dedupe_key    TEXT NOT NULL UNIQUE,
    order_key     TEXT NOT NULL,
    incident      TEXT NOT NULL,
    epoch         INTEGER NOT NULL,
    receiver      TEXT NOT NULL,
    integration   TEXT NOT NULL,
    position      INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL DEFAULT 'pending',
    attempts      INTEGER NOT NULL DEFAULT 0,
    due_at        INTEGER NOT NULL,
    lease_until   INTEGER NOT NULL DEFAULT 0,
    fence         INTEGER NOT NULL DEFAULT 0,
    uncertain     INTEGER NOT NULL DEFAULT 0,
    alarmed       INTEGER NOT NULL DEFAULT 0,
    handle        TEXT NOT NULL DEFAULT '',
    last_error    TEXT NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    finished_at   INTEGER
) STRICT;

-- Apart from its row, which is looked at and written several times while the message never changes: a group of a hundred
-- alerts makes a message of 25 kB.
CREATE TABLE outbox_messages (
    seq INTEGER PRIMARY KEY REFERENCES outbox (seq) ON DELETE CASCADE,
    doc TEXT NOT NULL
) STRICT;

CREATE VIEW outbox_rows AS SELECT outbox.*, outbox_messages.doc AS message FROM outbox JOIN outbox_messages USING (seq);

CREATE INDEX outbox_by_order ON outbox (order_key, seq);
CREATE INDEX outbox_live ON outbox (integration, due_at, seq) WHERE state IN ('pending', 'leased', 'unknown');
CREATE INDEX outbox_live_by_order ON outbox (order_key, seq) WHERE state IN ('pending', 'leased', 'unknown');
CREATE INDEX outbox_failed ON outbox (state) WHERE state = 'failed';
CREATE INDEX outbox_by_incident ON outbox (incident, state);

CREATE TABLE timeline (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    text     TEXT NOT NULL,
    actor    TEXT NOT NULL
) STRICT;

CREATE INDEX timeline_by_incident ON timeline (incident, id);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    door    TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (at);

CREATE TABLE deployments (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    version     TEXT NOT NULL,
    service     TEXT NOT NULL,
    deployed_by TEXT NOT NULL,
    environment TEXT NOT NULL,
    previous    TEXT NOT NULL,
    detail      TEXT NOT NULL
) STRICT;

CREATE INDEX deployments_by_time ON deployments (at);
