-- +goose Up

-- Who has signed in. A person is an issuer's subject; the address may change.
CREATE TABLE users (
    id             TEXT        NOT NULL PRIMARY KEY,
    issuer         TEXT        NOT NULL,
    subject        TEXT        NOT NULL,
    email          TEXT        NOT NULL,
    email_verified BOOLEAN     NOT NULL,
    first_name     TEXT        NOT NULL,
    last_name      TEXT        NOT NULL,
    instance_admin BOOLEAN     NOT NULL DEFAULT FALSE,
    current_org_id TEXT        REFERENCES organizations (id) ON DELETE SET NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    signed_in_at   TIMESTAMPTZ NOT NULL,
    UNIQUE (issuer, subject)
);

CREATE TABLE memberships (
    id         TEXT        NOT NULL PRIMARY KEY,
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id    TEXT        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT        NOT NULL CHECK (role IN ('viewer', 'contributor', 'member', 'admin', 'owner')),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (org_id, user_id)
);

CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE invitations (
    id          TEXT        NOT NULL PRIMARY KEY,
    org_id      TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email       TEXT        NOT NULL,
    role        TEXT        NOT NULL CHECK (role IN ('viewer', 'contributor', 'member', 'admin', 'owner')),
    invited_by  TEXT        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    accepted_at TIMESTAMPTZ,
    revoked_at  TIMESTAMPTZ
);

-- One for each address: inviting again replaces it. Addresses are in lower case.
CREATE UNIQUE INDEX invitations_open ON invitations (org_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_email ON invitations (email);

-- The tokens that users got by signing in; only their hashes.
CREATE TABLE logins (
    id           TEXT        NOT NULL PRIMARY KEY,
    sha256       TEXT        NOT NULL UNIQUE,
    user_id      TEXT        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client       TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    revoked_at   TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ
);

CREATE INDEX logins_user ON logins (user_id);
CREATE INDEX logins_expiry ON logins (expires_at);

-- +goose Down

DROP TABLE logins;
DROP TABLE invitations;
DROP TABLE memberships;
DROP TABLE users;
