-- +goose Up

-- Uploads in parts that have not ended. generation is compared and set by everyone who
-- changes a row.
CREATE TABLE uploads (
    id         TEXT        NOT NULL PRIMARY KEY,
    org_id     TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    digest     TEXT        NOT NULL,
    name       TEXT        NOT NULL,
    resumable  BOOLEAN     NOT NULL,
    length     BIGINT      NOT NULL CHECK (length >= -1),
    file_name  TEXT        NOT NULL DEFAULT '',
    storage_id TEXT        NOT NULL,
    committed  BIGINT      NOT NULL DEFAULT 0 CHECK (committed >= 0),
    hash       TEXT        NOT NULL DEFAULT '',
    generation BIGINT      NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    UNIQUE (org_id, digest, name)
);

-- The sweeper asks what has expired.
CREATE INDEX uploads_expiry ON uploads (expires_at);

-- crc is a CRC64NVME in hexadecimal: it has 64 bits, of which BIGINT's sign takes one.
CREATE TABLE upload_parts (
    upload_id TEXT    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    size      BIGINT  NOT NULL CHECK (size >= 0),
    etag      TEXT    NOT NULL,
    crc       TEXT    NOT NULL,
    PRIMARY KEY (upload_id, number)
);

-- +goose Down

DROP TABLE upload_parts;
DROP TABLE uploads;
