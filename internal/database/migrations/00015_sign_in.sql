-- +goose Up

-- What a client on the user's own machine exchanges for a login: once, within a minute.
-- Like every secret here, only as its hash.
CREATE TABLE client_codes (
    sha256     TEXT        NOT NULL PRIMARY KEY,
    user_id    TEXT        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    challenge  TEXT        NOT NULL,
    client     TEXT        NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX client_codes_expiry ON client_codes (expires_at);

-- Machines that wait until a user says, on another one, that they are theirs (RFC 8628).
CREATE TABLE devices (
    sha256     TEXT        NOT NULL PRIMARY KEY,
    user_code  TEXT        NOT NULL UNIQUE,
    client     TEXT        NOT NULL,
    address    TEXT        NOT NULL,
    seconds    INTEGER     NOT NULL,
    state      TEXT        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied')),
    user_id    TEXT        REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    polled_at  TIMESTAMPTZ
);

CREATE INDEX devices_expiry ON devices (expires_at);

-- The token of the first start. One at a time is open, of however many processes.
CREATE TABLE bootstrap_tokens (
    sha256     TEXT        NOT NULL PRIMARY KEY,
    one        INTEGER     NOT NULL DEFAULT 1 CHECK (one = 1),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);

CREATE UNIQUE INDEX bootstrap_tokens_open ON bootstrap_tokens (one) WHERE used_at IS NULL;

-- Which CI pipelines may act for an organization. Subjects and claims are JSON.
CREATE TABLE trusts (
    id         TEXT        NOT NULL PRIMARY KEY,
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name       TEXT        NOT NULL,
    issuer     TEXT        NOT NULL,
    audience   TEXT        NOT NULL,
    subjects   TEXT        NOT NULL,
    claims     TEXT        NOT NULL,
    seconds    INTEGER     NOT NULL CHECK (seconds BETWEEN 60 AND 900),
    enabled    BOOLEAN     NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL,
    created_by TEXT        NOT NULL,
    UNIQUE (org_id, name)
);

-- +goose Down

DROP TABLE trusts;
DROP TABLE bootstrap_tokens;
DROP TABLE devices;
DROP TABLE client_codes;
