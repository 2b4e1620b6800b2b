-- +goose Up

-- How many states an organization keeps is counted when one more comes.
CREATE INDEX crafting_states_of_org ON crafting_states (org_id);

-- +goose Down

DROP INDEX crafting_states_of_org;
