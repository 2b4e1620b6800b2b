-- +goose Up

-- Counts what was asked of an organization, so that a job knows whether there was more
-- while it ran.
ALTER TABLE organizations ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;

-- The processes that work on jobs. Who is alive counts up; the others watch.
CREATE TABLE job_workers (
    id   TEXT   NOT NULL PRIMARY KEY,
    beat BIGINT NOT NULL DEFAULT 0
);

-- When a process last had all organizations looked at: one does it for all.
CREATE TABLE job_passes (
    name       TEXT        NOT NULL PRIMARY KEY,
    started_at TIMESTAMPTZ NOT NULL
);

-- Of roles that start together on one file, the second one's migration fails, and it finds
-- the work done. River's, which has transactions of its own, would be noted twice.
CREATE UNIQUE INDEX goose_db_version_once ON goose_db_version (version_id);

-- The tables of the jobs themselves are River's: migrate.go, version 6.

-- +goose Down

DROP INDEX goose_db_version_once;
DROP TABLE job_passes;
DROP TABLE job_workers;
ALTER TABLE organizations DROP COLUMN generation;
