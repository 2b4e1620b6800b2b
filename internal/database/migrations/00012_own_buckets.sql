-- +goose Up

-- Storage backends in buckets that organizations bring. The row of a managed one has no
-- coordinates, and that of another one is complete.
ALTER TABLE storage_backends ADD COLUMN provider TEXT NOT NULL DEFAULT ''
    CHECK ((managed AND provider = '') OR (NOT managed AND provider = 'AWS-S3'));
ALTER TABLE storage_backends ADD COLUMN location TEXT NOT NULL DEFAULT ''
    CHECK (managed = (location = ''));
ALTER TABLE storage_backends ADD COLUMN region TEXT NOT NULL DEFAULT ''
    CHECK (managed = (region = ''));
ALTER TABLE storage_backends ADD COLUMN role_arn TEXT NOT NULL DEFAULT ''
    CHECK (managed = (role_arn = ''));
ALTER TABLE storage_backends ADD COLUMN external_id TEXT NOT NULL DEFAULT ''
    CHECK (managed = (external_id = ''));
ALTER TABLE storage_backends ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE storage_backends ADD COLUMN validation_error TEXT NOT NULL DEFAULT '';
-- The managed one comes after the fallback anyway, and nothing takes its own place.
ALTER TABLE storage_backends ADD COLUMN fallback BOOLEAN NOT NULL DEFAULT FALSE
    CHECK (NOT (fallback AND (managed OR is_default)));
-- When it is validated again; null: never, as the managed one.
ALTER TABLE storage_backends ADD COLUMN check_at TIMESTAMPTZ;

CREATE UNIQUE INDEX storage_backends_one_fallback ON storage_backends (org_id) WHERE fallback;
CREATE INDEX storage_backends_check ON storage_backends (check_at) WHERE check_at IS NOT NULL;

-- What the roles of an organization's own account ask for. Random, made here, and kept
-- for good: no other organization has it.
CREATE TABLE external_ids (
    org_id      TEXT        NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    external_id TEXT        NOT NULL UNIQUE,
    created_at  TIMESTAMPTZ NOT NULL
);

-- Null: in the managed backend. What was in a backend that is deleted keeps its id, and
-- therefore refers to none: it must not look like an artifact of the managed one.
ALTER TABLE artifacts ADD COLUMN backend_id TEXT;
ALTER TABLE uploads ADD COLUMN backend_id TEXT;

-- +goose Down

DELETE FROM uploads WHERE backend_id IS NOT NULL;
ALTER TABLE uploads DROP COLUMN backend_id;
DELETE FROM artifacts WHERE backend_id IS NOT NULL;
ALTER TABLE artifacts DROP COLUMN backend_id;
DROP TABLE external_ids;
-- The managed one takes the place of another default.
UPDATE storage_backends SET validation_error = 'next' WHERE managed
    AND org_id IN (SELECT org_id FROM storage_backends WHERE is_default AND NOT managed);
DELETE FROM storage_backends WHERE NOT managed;
UPDATE storage_backends SET is_default = TRUE WHERE managed AND validation_error = 'next';
DROP INDEX storage_backends_check;
DROP INDEX storage_backends_one_fallback;
ALTER TABLE storage_backends DROP COLUMN check_at;
ALTER TABLE storage_backends DROP COLUMN fallback;
ALTER TABLE storage_backends DROP COLUMN validation_error;
ALTER TABLE storage_backends DROP COLUMN description;
ALTER TABLE storage_backends DROP COLUMN external_id;
ALTER TABLE storage_backends DROP COLUMN role_arn;
ALTER TABLE storage_backends DROP COLUMN region;
ALTER TABLE storage_backends DROP COLUMN location;
ALTER TABLE storage_backends DROP COLUMN provider;
