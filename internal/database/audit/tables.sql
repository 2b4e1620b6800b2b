-- The last record of each chain. Its row is the lock of those who append.
CREATE TABLE audit_chains (
    chain TEXT   NOT NULL PRIMARY KEY,
    seq   BIGINT NOT NULL CHECK (seq >= 0),
    hash  TEXT   NOT NULL
);

-- One row for each record, for good: no row of an organization takes them along.
CREATE TABLE audit_records (
    chain        TEXT        NOT NULL,
    seq          BIGINT      NOT NULL CHECK (seq > 0),
    id           TEXT        NOT NULL,
    happened_at  TIMESTAMPTZ NOT NULL,
    action       TEXT        NOT NULL,
    object       TEXT        NOT NULL,
    outcome      TEXT        NOT NULL,
    reason       TEXT        NOT NULL,
    subject_kind TEXT        NOT NULL,
    subject      TEXT        NOT NULL,
    remote_ip    TEXT        NOT NULL,
    user_agent   TEXT        NOT NULL,
    request_id   TEXT        NOT NULL,
    details      TEXT        NOT NULL,
    hash         TEXT        NOT NULL,
    PRIMARY KEY (chain, seq)
);

-- What is written again after an answer that was lost is the same, and is found by this.
CREATE UNIQUE INDEX audit_records_id ON audit_records (id);

-- How far each sink has been told of each chain.
CREATE TABLE audit_cursors (
    sink  TEXT   NOT NULL,
    chain TEXT   NOT NULL,
    seq   BIGINT NOT NULL CHECK (seq >= 0),
    PRIMARY KEY (sink, chain)
);

-- Which process tells a sink, and until when.
CREATE TABLE audit_sinks (
    sink         TEXT        NOT NULL PRIMARY KEY,
    holder       TEXT        NOT NULL,
    leased_until TIMESTAMPTZ NOT NULL
);
