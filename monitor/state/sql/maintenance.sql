-- name: all
SELECT doc FROM maintenance ORDER BY key;

-- name: put
INSERT INTO maintenance (key, doc) VALUES (:key, :doc)
ON CONFLICT (key) DO UPDATE SET doc = excluded.doc;

-- name: drop
DELETE FROM maintenance WHERE key = :key;
