-- name: put_event
INSERT INTO inbox (kind, policy, group_key, doc) VALUES ('group', :policy, :group_key, :doc);

-- name: put_report
INSERT INTO inbox (kind, incident, doc) VALUES ('report', :incident, :doc);

-- name: put_undelivered
INSERT INTO inbox (kind, doc) VALUES ('undelivered', :doc);

-- name: undelivered
SELECT id, doc FROM inbox WHERE kind = 'undelivered' ORDER BY id;

-- name: drop_homeless
DELETE FROM inbox WHERE kind = 'report' AND incident NOT IN (SELECT id FROM incidents);

-- name: waiting
SELECT coalesce(incidents.policy, inbox.policy) AS policy, coalesce(incidents.group_key, inbox.group_key) AS group_key,
       min(inbox.id) AS first
FROM inbox LEFT JOIN incidents ON inbox.kind = 'report' AND incidents.id = inbox.incident
WHERE inbox.kind <> 'undelivered' GROUP BY 1, 2 ORDER BY first LIMIT :limit;

-- name: of_key
SELECT inbox.id, inbox.kind, inbox.doc
FROM inbox LEFT JOIN incidents ON inbox.kind = 'report' AND incidents.id = inbox.incident
WHERE coalesce(incidents.policy, inbox.policy) = :policy AND coalesce(incidents.group_key, inbox.group_key) = :group_key
ORDER BY inbox.id;

-- name: consume
DELETE FROM inbox WHERE id = :id;
