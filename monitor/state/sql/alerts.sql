-- name: all
SELECT id, doc FROM alert_groups ORDER BY id;

-- name: members
SELECT group_id, doc FROM alert_members ORDER BY group_id, fingerprint;

-- name: put
INSERT INTO alert_groups (id, doc, epoch) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, epoch = excluded.epoch;

-- name: put_member
INSERT INTO alert_members (group_id, fingerprint, doc) VALUES (?, ?, ?)
ON CONFLICT (group_id, fingerprint) DO UPDATE SET doc = excluded.doc;

-- name: drop_member
DELETE FROM alert_members WHERE group_id = ? AND fingerprint = ?;

-- name: drop
DELETE FROM alert_groups WHERE id = :id;
