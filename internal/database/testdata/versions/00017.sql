UPDATE crafting_states SET digest = 'sha256:bb' WHERE run_id = 'n1'; -- as it was: an index has no rows
