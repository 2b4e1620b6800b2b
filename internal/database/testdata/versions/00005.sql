UPDATE organizations SET generation = 3;
INSERT INTO job_workers (id, beat) VALUES ('w', 4);
INSERT INTO job_passes (name, started_at) VALUES ('p', '2026-01-02 03:04:05+00:00');
