-- name: all
SELECT doc FROM rule_alerts;

-- name: put
INSERT INTO rule_alerts (group_key, key, doc) VALUES (:group_key, :key, :doc)
ON CONFLICT (group_key, key) DO UPDATE SET doc = excluded.doc;

-- name: drop
DELETE FROM rule_alerts WHERE group_key = :group_key AND key = :key;
