INSERT INTO exchanges (sha256, expires_at) VALUES ('0018', '2026-01-02 03:04:05+00:00');
UPDATE trusts SET reusable = TRUE WHERE id = 't1';
