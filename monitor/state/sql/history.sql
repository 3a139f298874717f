-- name: add
INSERT INTO alert_history (at, doc) VALUES (?, ?);

-- name: all
SELECT doc FROM alert_history ORDER BY id;

-- name: forget
DELETE FROM alert_history WHERE at < :before OR id <= (
    SELECT coalesce(max(id), 0) FROM (
        SELECT id, sum(length(doc)) OVER (ORDER BY id DESC) AS newer FROM alert_history
    ) WHERE newer > :most
);
