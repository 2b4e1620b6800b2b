-- +goose Up

-- The catalogue: what an organization has stored. The objects in S3 are the truth; this is
-- what is known of them without asking, and can be rebuilt from them.
CREATE TABLE artifacts (
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    digest     TEXT        NOT NULL, -- 64 hexadecimal digits
    size       BIGINT      NOT NULL CHECK (size >= 0),
    file_name  TEXT        NOT NULL DEFAULT '',
    media_type TEXT        NOT NULL DEFAULT '',
    uploader   TEXT        NOT NULL DEFAULT '',
    stored_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, digest)
);

-- A list of the newest begins here; the digest decides between those of one moment.
CREATE INDEX artifacts_newest ON artifacts (org_id, stored_at, digest);

-- +goose Down

DROP TABLE artifacts;
