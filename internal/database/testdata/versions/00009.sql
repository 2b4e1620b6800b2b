INSERT INTO organization_conditions (org_id, type, status, reason, message, since) VALUES ('0197a000-0000-7000-8000-000000000001', 'Ready', 'False', 'r', 'm', '2026-01-02 03:04:05+00:00');
INSERT INTO organization_events (org_id, reason, message, count, first_at, last_at) VALUES ('0197a000-0000-7000-8000-000000000001', 'r', 'm', 2, '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00');
INSERT INTO organization_probes (org_id, streak, failing_at, next_at) VALUES ('0197a000-0000-7000-8000-000000000001', 3, '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00');
