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

-- name: forget_audit
DELETE FROM audit WHERE at < :before;

-- name: forget_deployments
DELETE FROM deployments WHERE at < :before;

-- name: forget_outbox
DELETE FROM outbox WHERE state IN ('sent', 'failed', 'cancelled') AND created_at < :before
      AND incident NOT IN (SELECT id FROM incidents WHERE state <> 'resolved');

-- name: forget_timeline
DELETE FROM timeline WHERE incident IN (
    SELECT id FROM incidents WHERE state = 'resolved' AND opened_at < :before AND json_extract(doc, '$.resolved_at') < :before
);

-- name: forget_incidents
DELETE FROM incidents WHERE state = 'resolved' AND opened_at < :before AND json_extract(doc, '$.resolved_at') < :before
      AND generation < (SELECT max(generation) FROM incidents AS later
                        WHERE later.policy = incidents.policy AND later.group_key = incidents.group_key);
