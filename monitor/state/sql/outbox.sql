-- Live rows are those that are neither sent, failed nor cancelled. The head of an order key is its first live row.

-- name: insert
INSERT INTO outbox (dedupe_key, order_key, incident, epoch, receiver, integration, position, kind, due_at, created_at)
VALUES (:dedupe_key, :order_key, :incident, :epoch, :receiver, :integration, :position, :kind, :due_at, :created_at)
ON CONFLICT (dedupe_key) DO NOTHING;

-- name: insert_message
INSERT INTO outbox_messages (seq, doc) VALUES (:seq, :doc);

-- name: due_head
SELECT * FROM outbox_rows WHERE seq = (
    SELECT seq FROM outbox AS row
    WHERE integration = :integration AND state IN ('pending', 'unknown') AND due_at <= :now
          AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.order_key = row.order_key AND earlier.seq < row.seq
                          AND earlier.state IN ('pending', 'leased', 'unknown'))
    ORDER BY due_at, seq LIMIT 1);

-- name: next_due
SELECT integration, min(CASE state WHEN 'leased' THEN lease_until ELSE due_at END) AS due_at FROM outbox AS row
WHERE state IN ('pending', 'leased', 'unknown')
      AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.order_key = row.order_key AND earlier.seq < row.seq
                      AND earlier.state IN ('pending', 'leased', 'unknown'))
GROUP BY integration;

-- name: lease
UPDATE outbox SET state = 'leased', fence = fence + 1, lease_until = :lease_until WHERE seq = :seq;

-- name: fence
SELECT 1 AS yes FROM outbox WHERE seq = :seq AND fence = :fence AND state = 'leased';

-- name: finish
UPDATE outbox SET state = :state, due_at = :due_at, uncertain = :uncertain,
       last_error = CASE WHEN :error = '' AND :state IN ('pending', 'unknown') THEN last_error ELSE :error END,
       alarmed = max(alarmed, :alarmed), attempts = attempts + :counted,
       handle = CASE :handle WHEN '' THEN handle ELSE :handle END,
       finished_at = CASE WHEN :state IN ('sent', 'failed', 'cancelled') THEN :now END
WHERE seq = :seq;

-- name: hasten
UPDATE outbox SET due_at = :now WHERE state IN ('pending', 'unknown') AND due_at > :latest;

-- name: expire
UPDATE outbox SET state = 'unknown', uncertain = 1, attempts = attempts + 1, due_at = :now
WHERE state = 'leased' AND lease_until <= :now;

-- name: expire_all
UPDATE outbox SET state = 'unknown', uncertain = 1, attempts = attempts + 1, due_at = :now WHERE state = 'leased';

-- name: incident
SELECT number, policy, generation, epoch, state FROM incidents WHERE id = :incident;

-- name: began
SELECT kind, state, uncertain FROM outbox WHERE order_key = :order_key AND seq < :seq ORDER BY seq DESC;

-- name: redirected_to
SELECT receiver, integration, position, kind FROM outbox WHERE order_key = :order_key
ORDER BY state = 'cancelled', seq DESC LIMIT 1;

-- name: handle
SELECT handle FROM outbox WHERE order_key = :order_key AND state = 'sent' AND handle <> '' ORDER BY seq DESC LIMIT 1;

-- name: followed
SELECT 1 AS yes FROM outbox WHERE order_key = :order_key AND seq > :seq AND due_at <= :now
       AND state IN ('pending', 'leased', 'unknown') LIMIT 1;

-- name: said_before
SELECT state, uncertain FROM outbox WHERE order_key = :order_key AND seq < :seq AND kind = :kind
       AND state IN ('sent', 'failed') ORDER BY seq DESC LIMIT 1;

-- name: counts
SELECT state, count(*) AS number FROM outbox WHERE state IN ('pending', 'leased', 'unknown', 'failed') GROUP BY state;

-- name: of_incident
SELECT * FROM outbox_rows WHERE incident = :incident ORDER BY seq;

-- name: of_order
SELECT * FROM outbox_rows WHERE order_key = :order_key ORDER BY seq DESC LIMIT :most;

-- name: by_key
SELECT * FROM outbox_rows WHERE dedupe_key = :dedupe_key;
