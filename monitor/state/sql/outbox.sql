-- name: insert
INSERT INTO outbox (dedupe_key, order_key, incident, epoch, receiver, integration, position, kind, message, due_at, created_at)
VALUES (:dedupe_key, :order_key, :incident, :epoch, :receiver, :integration, :position, :kind, :message, :due_at, :created_at)
ON CONFLICT (dedupe_key) DO NOTHING;
