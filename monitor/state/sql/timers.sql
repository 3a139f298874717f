-- name: clear
DELETE FROM timers WHERE owner = :owner;

-- name: put
INSERT INTO timers (owner, kind, due_at, epoch) VALUES (:owner, :kind, :due_at, :epoch);
