-- +goose Up

-- Types are the ones that SQLite and PostgreSQL read alike: text ids, TIMESTAMPTZ
-- in UTC, booleans, no sequences. Hashes and keys are text (hex, base64), for the
-- two disagree about the name of the binary type.

CREATE TABLE organizations (
    id         TEXT        NOT NULL PRIMARY KEY,
    name       TEXT        NOT NULL,
    state      TEXT        NOT NULL CHECK (state IN ('pending', 'ready', 'degraded', 'deleting', 'deleted')),
    reason     TEXT        NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- A name is free again once its organization is gone.
CREATE UNIQUE INDEX organizations_living_name ON organizations (name) WHERE state <> 'deleted';

-- The reconciler asks for the pending ones several times a second.
CREATE INDEX organizations_state ON organizations (state, id);

CREATE TABLE storage_backends (
    id           TEXT        NOT NULL PRIMARY KEY,
    org_id       TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name         TEXT        NOT NULL,
    managed      BOOLEAN     NOT NULL DEFAULT FALSE,
    is_default   BOOLEAN     NOT NULL DEFAULT FALSE,
    status       TEXT        NOT NULL CHECK (status IN ('pending', 'valid', 'invalid')),
    max_bytes    BIGINT      NOT NULL DEFAULT 0 CHECK (max_bytes >= 0),
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    validated_at TIMESTAMPTZ,
    UNIQUE (org_id, name)
);

CREATE UNIQUE INDEX storage_backends_one_managed ON storage_backends (org_id) WHERE managed;
CREATE UNIQUE INDEX storage_backends_one_default ON storage_backends (org_id) WHERE is_default;

-- What the secret store's database driver keeps: resource names, no credentials.
CREATE TABLE secrets (
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name       TEXT        NOT NULL,
    document   TEXT        NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, name)
);

-- org_id is null for instance tokens.
CREATE TABLE api_tokens (
    id           TEXT        NOT NULL PRIMARY KEY,
    sha256       TEXT        NOT NULL UNIQUE,
    org_id       TEXT        REFERENCES organizations (id) ON DELETE CASCADE,
    name         TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX api_tokens_living_name ON api_tokens (org_id, name) WHERE revoked_at IS NULL;

-- Unique indexes hold nulls to be different from each other.
CREATE UNIQUE INDEX api_tokens_living_instance_name ON api_tokens (name) WHERE revoked_at IS NULL AND org_id IS NULL;

CREATE TABLE signing_keys (
    id         TEXT        NOT NULL PRIMARY KEY,
    key_use    TEXT        NOT NULL CHECK (key_use IN ('api', 'cas')),
    pkcs8      TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    retired_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (key_use) WHERE retired_at IS NULL;

-- +goose Down

DROP TABLE signing_keys;
DROP TABLE api_tokens;
DROP TABLE secrets;
DROP TABLE storage_backends;
DROP TABLE organizations;
