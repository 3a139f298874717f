-- name: add
INSERT INTO audit (at, actor, door, action, subject, detail) VALUES (:at, :actor, :door, :action, :subject, :detail);

-- name: recent
SELECT at, actor, door, action, subject, detail FROM audit ORDER BY id DESC LIMIT :limit;

-- name: add_deployment
INSERT INTO deployments (at, version, service, deployed_by, environment, previous, detail)
VALUES (:at, :version, :service, :by, :environment, :previous, :detail);

-- name: deployments_since
SELECT at, version, service, deployed_by, environment, previous, detail FROM deployments
WHERE at >= :since ORDER BY at DESC, id DESC LIMIT :limit;

-- name: day
SELECT 'incidents opened' AS what, count(*) AS number FROM incidents WHERE opened_at >= :since
UNION ALL SELECT 'incidents open', count(*) FROM incidents WHERE state <> 'resolved'
UNION ALL SELECT 'pages sent', count(*) FROM outbox WHERE created_at >= :since AND kind IN ('trigger', 'reminder', 'unacknowledge') AND state = 'sent'
UNION ALL SELECT 'messages given up', count(*) FROM outbox WHERE created_at >= :since AND state = 'failed'
UNION ALL SELECT 'acknowledgements', count(*) FROM audit WHERE at >= :since AND action LIKE 'ack%'
UNION ALL SELECT 'deployments', count(*) FROM deployments WHERE at >= :since;

-- name: forget_audit
DELETE FROM audit WHERE at < :before;

-- name: forget_deployments
DELETE FROM deployments WHERE at < :before;

-- name: forget_outbox
DELETE FROM outbox WHERE state IN ('sent', 'failed', 'cancelled') AND created_at < :before
      AND incident NOT IN (SELECT id FROM incidents WHERE state <> 'resolved')
      AND replace(order_key, '>instead', '') NOT IN (SELECT replace(order_key, '>instead', '') FROM outbox
                                                     WHERE state IN ('pending', 'leased', 'unknown'));

-- name: forget_timeline
DELETE FROM timeline WHERE incident IN (
    SELECT id FROM incidents WHERE state = 'resolved' AND opened_at < :before AND json_extract(doc, '$.resolved_at') < :before
);

-- name: forget_incidents
-- The one with the highest number stays: numbers are counted on from it, and none is ever given twice.
DELETE FROM incidents WHERE state = 'resolved' AND opened_at < :before AND json_extract(doc, '$.resolved_at') < :before
      AND number < (SELECT max(number) FROM incidents)
      AND (generation < (SELECT max(generation) FROM incidents AS later
                         WHERE later.policy = incidents.policy AND later.group_key = incidents.group_key)
           OR (json_array_length(doc, '$.still_firing') = 0 AND json_extract(doc, '$.reopen_at') IS NULL));
