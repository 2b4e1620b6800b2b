INSERT INTO organizations (id, name, state, reason, created_at, updated_at) VALUES ('0197a000-0000-7000-8000-000000000001', 'acme', 'degraded', 'why', '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00');
INSERT INTO storage_backends (id, org_id, name, managed, is_default, status, max_bytes, created_at, updated_at, validated_at) VALUES ('b1', '0197a000-0000-7000-8000-000000000001', 'managed', TRUE, TRUE, 'valid', 7, '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00');
INSERT INTO secrets (org_id, name, document, updated_at) VALUES ('0197a000-0000-7000-8000-000000000001', 's', '{"v":1}', '2026-01-02 03:04:05+00:00');
INSERT INTO api_tokens (id, sha256, org_id, name, created_at, expires_at, revoked_at, last_used_at) VALUES ('t1', 'aa', '0197a000-0000-7000-8000-000000000001', 'ci', '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00');
INSERT INTO api_tokens (id, sha256, name, created_at) VALUES ('t2', 'bb', 'admin', '2026-01-02 03:04:05+00:00');
INSERT INTO signing_keys (id, key_use, pkcs8, created_at, retired_at) VALUES ('k1', 'cas', 'AA==', '2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00');
INSERT INTO signing_keys (id, key_use, pkcs8, created_at) VALUES ('k2', 'cas', 'AA==', '2026-01-02 03:04:05+00:00');
