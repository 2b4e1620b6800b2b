-- +goose Up

-- What the last deep look at an organization saw, as far as a listing shows it too.
CREATE TABLE observations (
    org_id         TEXT   NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    policy_id      TEXT   NOT NULL,
    policy_version TEXT   NOT NULL,
    policy_updated BIGINT NOT NULL,
    alias          TEXT   NOT NULL,
    scheme         TEXT   NOT NULL
);

-- What a cycle leaves to the next one. There is one row.
CREATE TABLE cycles (
    name          TEXT   NOT NULL PRIMARY KEY,
    after_id      TEXT   NOT NULL DEFAULT '',
    organizations BIGINT NOT NULL DEFAULT 0,
    base_role_id  TEXT   NOT NULL DEFAULT ''
);

-- What is in AWS without an organization, and since when that has been known.
CREATE TABLE orphans (
    kind       TEXT        NOT NULL,
    name       TEXT        NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kind, name)
);

-- +goose Down

DROP TABLE orphans;
DROP TABLE cycles;
DROP TABLE observations;
