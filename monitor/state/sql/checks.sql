-- name: all
SELECT name, doc FROM check_states;

-- name: put
INSERT INTO check_states (name, doc) VALUES (:name, :doc) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc;

-- name: get_fact
SELECT value FROM facts WHERE name = :name;

-- name: put_fact
INSERT INTO facts (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
