-- +goose Up

-- What is known of an organization, one row for each fact. A row is written when it changes.
CREATE TABLE organization_conditions (
    org_id  TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type    TEXT        NOT NULL,
    status  TEXT        NOT NULL CHECK (status IN ('True', 'False', 'Unknown')),
    reason  TEXT        NOT NULL,
    message TEXT        NOT NULL,
    since   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, type)
);

-- Metrics count what is false.
CREATE INDEX organization_conditions_status ON organization_conditions (status, type);

-- What happened to an organization. A repeat counts up instead of becoming a row.
CREATE TABLE organization_events (
    org_id   TEXT        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    reason   TEXT        NOT NULL,
    message  TEXT        NOT NULL,
    count    BIGINT      NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    last_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, reason, message)
);

CREATE INDEX organization_events_last ON organization_events (org_id, last_at);

-- How the probes of an organization went, and when the next one is due.
CREATE TABLE organization_probes (
    org_id     TEXT        NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    streak     BIGINT      NOT NULL CHECK (streak >= 0),
    failing_at TIMESTAMPTZ,
    next_at    TIMESTAMPTZ NOT NULL
);

CREATE INDEX organization_probes_next ON organization_probes (next_at);

-- +goose Down

DROP TABLE organization_probes;
DROP TABLE organization_events;
DROP TABLE organization_conditions;
