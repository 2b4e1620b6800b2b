-- +goose Up

-- The tokens of CI providers that were exchanged, and may not be again. Only their hashes,
-- and only as long as somebody might accept them.
CREATE TABLE exchanges (
    sha256     TEXT        NOT NULL PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX exchanges_expiry ON exchanges (expires_at);

-- Whether a provider's token may be exchanged again until it ends. What was trusted before
-- was not asked, and gets what is safer.
ALTER TABLE trusts ADD COLUMN reusable BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down

ALTER TABLE trusts DROP COLUMN reusable;
DROP TABLE exchanges;
