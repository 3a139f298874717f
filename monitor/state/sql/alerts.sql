-- name: all
SELECT id, doc FROM alert_groups ORDER BY id;

-- name: members
SELECT id, group_id, doc FROM alert_members;

-- name: put
INSERT INTO alert_groups (id, doc, epoch) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, epoch = excluded.epoch;

-- name: put_member
INSERT INTO alert_members (id, group_id, doc) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc;

-- name: drop_member
DELETE FROM alert_members WHERE id = ?;

-- name: drop
DELETE FROM alert_groups WHERE id = :id;
