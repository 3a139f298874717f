-- name: clear
DELETE FROM timers WHERE owner = :owner;

-- name: put
INSERT INTO timers (owner, kind, due_at, epoch) VALUES (:owner, :kind, :due_at, :epoch);

-- name: due
SELECT owner, kind, due_at, epoch FROM timers WHERE owner GLOB :prefix || '*' AND due_at <= :now ORDER BY due_at, owner;

-- name: next
SELECT min(due_at) AS due_at FROM timers WHERE owner GLOB :prefix || '*';
