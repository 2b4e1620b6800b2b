-- +goose Up

-- What becomes of the objects of a deleted organization. The row is written when nothing
-- else of it is left in AWS; it stays after the purge, for whoever asks what was done.
CREATE TABLE deletions (
    org_id       TEXT        NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    deleted_at   TIMESTAMPTZ NOT NULL,
    purge_at     TIMESTAMPTZ NOT NULL,
    begun_at     TIMESTAMPTZ,
    purged_at    TIMESTAMPTZ,
    leased_until TIMESTAMPTZ, -- by the process that purges
    objects      BIGINT      NOT NULL DEFAULT 0,
    bytes        BIGINT      NOT NULL DEFAULT 0
);

-- The purgers ask for those whose time has come.
CREATE INDEX deletions_due ON deletions (purge_at) WHERE purged_at IS NULL;

-- +goose Down

DROP TABLE deletions;
