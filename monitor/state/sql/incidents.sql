-- name: latest
SELECT doc FROM incidents WHERE policy = :policy AND group_key = :group_key ORDER BY generation DESC LIMIT 1;

-- name: next_number
SELECT coalesce(max(number), 0) + 1 AS number FROM incidents;

-- name: put
INSERT INTO incidents (id, number, policy, group_key, generation, state, opened_at, epoch, doc)
VALUES (:id, :number, :policy, :group_key, :generation, :state, :opened_at, :epoch, :doc)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, epoch = excluded.epoch, doc = excluded.doc;

-- name: cancel
UPDATE outbox SET state = 'cancelled', last_error = 'acknowledged, resolved or overtaken before it was sent',
       finished_at = :at
WHERE incident = :incident AND epoch < :below_epoch AND state = 'pending' AND uncertain = 0
      AND kind IN ('trigger', 'reminder', 'unacknowledge');

-- name: add_timeline
INSERT INTO timeline (incident, at, kind, text, actor) VALUES (:incident, :at, :kind, :text, :actor);

-- name: due
SELECT incidents.policy, incidents.group_key
FROM timers JOIN incidents ON timers.owner = 'incident:' || incidents.id
WHERE timers.due_at <= :now GROUP BY 1, 2 ORDER BY min(timers.due_at) LIMIT :limit;

-- name: next_due
SELECT min(timers.due_at) AS due_at FROM timers JOIN incidents ON timers.owner = 'incident:' || incidents.id;

-- name: next_due_but
SELECT incidents.policy, incidents.group_key, min(timers.due_at) AS due_at
FROM timers JOIN incidents ON timers.owner = 'incident:' || incidents.id GROUP BY 1, 2 ORDER BY 3;

-- name: open
SELECT id, policy, group_key, doc FROM incidents WHERE state <> 'resolved' ORDER BY number;

-- name: timers_of
SELECT owner, kind, due_at, epoch FROM timers WHERE owner = :owner;

-- name: by_id
SELECT policy, group_key, doc FROM incidents WHERE id = :id;

-- name: by_number
SELECT policy, group_key, doc FROM incidents WHERE number = :number;

-- name: recent
SELECT policy, group_key, doc FROM incidents ORDER BY number DESC LIMIT :limit;

-- name: recent_open
SELECT policy, group_key, doc FROM incidents WHERE state <> 'resolved' ORDER BY number DESC LIMIT :limit;

-- name: timeline
SELECT incident, at, kind, text, actor FROM timeline WHERE incident = :incident ORDER BY id;

-- name: count_by_state
SELECT state, count(*) AS number FROM incidents WHERE state <> 'resolved' GROUP BY state;
