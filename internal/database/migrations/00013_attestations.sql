-- +goose Up

CREATE TABLE contracts (
    id         TEXT        NOT NULL PRIMARY KEY,
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (org_id, name)
);

-- A contract is changed by adding a revision; none is ever changed itself.
CREATE TABLE contract_revisions (
    id          TEXT        NOT NULL PRIMARY KEY,
    org_id      TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    contract_id TEXT        NOT NULL REFERENCES contracts (id) ON DELETE CASCADE,
    revision    INTEGER     NOT NULL CHECK (revision >= 1),
    format      TEXT        NOT NULL CHECK (format IN ('json', 'yaml')),
    body        TEXT        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    UNIQUE (contract_id, revision)
);

CREATE TABLE workflows (
    id          TEXT        NOT NULL PRIMARY KEY,
    org_id      TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    project     TEXT        NOT NULL,
    name        TEXT        NOT NULL,
    contract_id TEXT        NOT NULL REFERENCES contracts (id),
    created_at  TIMESTAMPTZ NOT NULL,
    UNIQUE (org_id, project, name)
);

CREATE TABLE project_versions (
    id          TEXT        NOT NULL PRIMARY KEY,
    org_id      TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    project     TEXT        NOT NULL,
    name        TEXT        NOT NULL,
    latest      BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at  TIMESTAMPTZ NOT NULL,
    released_at TIMESTAMPTZ,
    UNIQUE (org_id, project, name)
);

CREATE UNIQUE INDEX project_versions_one_latest ON project_versions (org_id, project) WHERE latest;

-- A run that is initialized after expires_at has expired; no row says so.
CREATE TABLE workflow_runs (
    id                TEXT        NOT NULL PRIMARY KEY,
    org_id            TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    workflow_id       TEXT        NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    contract_revision INTEGER     NOT NULL,
    version_id        TEXT        REFERENCES project_versions (id),
    job_url           TEXT        NOT NULL DEFAULT '',
    runner            INTEGER     NOT NULL DEFAULT 0,
    state             TEXT        NOT NULL CHECK (state IN ('initialized', 'succeeded', 'failed', 'cancelled')),
    reason            TEXT        NOT NULL DEFAULT '',
    created_at        TIMESTAMPTZ NOT NULL,
    expires_at        TIMESTAMPTZ NOT NULL,
    finished_at       TIMESTAMPTZ
);

CREATE INDEX workflow_runs_of_workflow ON workflow_runs (workflow_id, created_at);

-- The bundle of a run that succeeded. Its bytes are in the organization's storage.
CREATE TABLE attestations (
    run_id         TEXT        NOT NULL PRIMARY KEY REFERENCES workflow_runs (id) ON DELETE CASCADE,
    org_id         TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    digest         TEXT        NOT NULL,
    size           BIGINT      NOT NULL CHECK (size > 0),
    predicate_type TEXT        NOT NULL,
    stored_by      TEXT        NOT NULL,
    stored_at      TIMESTAMPTZ NOT NULL
);

CREATE INDEX attestations_of_digest ON attestations (org_id, digest);

-- Attestations in the making, of clients that keep them here. The body is base64.
CREATE TABLE crafting_states (
    run_id     TEXT        NOT NULL PRIMARY KEY REFERENCES workflow_runs (id) ON DELETE CASCADE,
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    body       TEXT        NOT NULL,
    digest     TEXT        NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- +goose Down

DROP TABLE crafting_states;
DROP TABLE attestations;
DROP TABLE workflow_runs;
DROP TABLE project_versions;
DROP TABLE workflows;
DROP TABLE contract_revisions;
DROP TABLE contracts;
