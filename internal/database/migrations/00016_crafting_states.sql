-- +goose Up

-- They are counted, and forgotten when the time of their runs is over.
CREATE INDEX crafting_states_of_organization ON crafting_states (org_id);

-- +goose Down

DROP INDEX crafting_states_of_organization;
