-- +goose Up

CREATE TABLE direct_uploads (
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    digest     TEXT        NOT NULL,
    size       BIGINT      NOT NULL CHECK (size >= 0),
    file_name  TEXT        NOT NULL DEFAULT '',
    media_type TEXT        NOT NULL DEFAULT '',
    uploader   TEXT        NOT NULL DEFAULT '',
    issued_at  TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    look_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, digest)
);

-- The sweepers ask for those whose time has come.
CREATE INDEX direct_uploads_look_at ON direct_uploads (look_at);

-- +goose Down

DROP TABLE direct_uploads;
