UPDATE signing_keys SET signs_from = '2026-01-02 03:04:05+00:00', spki = 'AA=='  WHERE id = 'k2';
