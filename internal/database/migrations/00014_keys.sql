-- +goose Up

-- A key is published before it signs: from signs_from on; null: since it was made. The key
-- that it replaces is retired at that moment, which may still come.
ALTER TABLE signing_keys ADD COLUMN signs_from TIMESTAMPTZ;

-- The public half, base64 of its SubjectPublicKeyInfo, for a cas that cannot reach the control
-- plane. What is empty the control plane fills in when it starts.
ALTER TABLE signing_keys ADD COLUMN spki TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE signing_keys DROP COLUMN spki;
ALTER TABLE signing_keys DROP COLUMN signs_from;
