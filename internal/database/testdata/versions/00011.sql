INSERT INTO audit_chains (chain, seq, hash) VALUES ('installation', 1, 'ff');
INSERT INTO audit_records (chain, seq, id, happened_at, action, object, outcome, reason, subject_kind, subject, remote_ip, user_agent, request_id, details, hash) VALUES ('installation', 1, 'r1', '2026-01-02 03:04:05+00:00', 'token.create', 'token/1', 'ok', '', 'system', 'managedcasd', '', '', '', '{}', 'ff');
INSERT INTO audit_cursors (sink, chain, seq) VALUES ('siem', 'installation', 1);
INSERT INTO audit_sinks (sink, holder, leased_until) VALUES ('siem', 'h', '2026-01-02 03:04:05+00:00');
