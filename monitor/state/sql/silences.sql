-- name: all
SELECT doc FROM silences ORDER BY id;

-- name: put
INSERT INTO silences (id, doc) VALUES (:id, :doc)
ON CONFLICT (id) DO UPDATE SET doc = excluded.doc;

-- name: drop
DELETE FROM silences WHERE id = :id;
