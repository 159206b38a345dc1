-- What each peer keeps: the event before it is queued, and every attempt.
CREATE TABLE events (id text PRIMARY KEY, body text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL,
    status int NOT NULL,
    duration_ms double precision NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_attempts_event ON attempts (event_id);
