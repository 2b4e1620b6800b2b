INSERT INTO observations (org_id, policy_id, policy_version, policy_updated, alias, scheme) VALUES ('0197a000-0000-7000-8000-000000000001', 'p', 'v1', 1, 'a', 's');
INSERT INTO cycles (name, after_id, organizations, base_role_id) VALUES ('c', 'a', 1, 'r');
INSERT INTO orphans (kind, name, first_seen) VALUES ('policy', 'n', '2026-01-02 03:04:05+00:00');
