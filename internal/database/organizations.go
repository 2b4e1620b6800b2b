package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type organizationRow struct {
	bun.BaseModel `bun:"table:organizations"`

	ID        string `bun:",pk"`
	Name      string
	State     string
	Reason    string
	CreatedAt time.Time
	UpdatedAt time.Time
}

func rowOfOrganization(o org.Organization) organizationRow {
	return organizationRow{
		ID: o.ID.String(), Name: string(o.Name), State: string(o.State), Reason: o.Reason,
		CreatedAt: instant(o.CreatedAt), UpdatedAt: instant(o.UpdatedAt),
	}
}

func (r organizationRow) organization() (org.Organization, error) {
	id, err := org.ParseID(r.ID)
	if err != nil {
		return org.Organization{}, fmt.Errorf("read organization row: %w", err)
	}
	return org.Organization{
		ID: id, Name: org.Name(r.Name), State: org.State(r.State), Reason: r.Reason,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}, nil
}

func organizationsOf(rows []organizationRow) ([]org.Organization, error) {
	return recordsOf(rows, organizationRow.organization)
}

// CreateOrganization stores a new organization together with its managed storage
// backend, which is pending, with the job that makes it ready, and with its first members.
// It fails with registry.ErrExists when the name is taken.
func (db *DB) CreateOrganization(ctx context.Context, o org.Organization, members ...registry.Membership) error {
	row := rowOfOrganization(o)
	backend := rowOfBackend(registry.NewManagedBackend(o.ID, o.CreatedAt))
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&backend).Exec(ctx); err != nil {
			return err
		}
		for _, m := range members {
			if err := mayOwnOneMore(ctx, tx, m); err != nil {
				return err
			}
			member := rowOfMembership(m)
			if _, err := tx.NewInsert().Model(&member).Exec(ctx); err != nil {
				return err
			}
		}
		created := registry.Event{Reason: "Created", Message: "the organization was created"}
		if err := recordEvents(ctx, tx, o.ID, row.CreatedAt, created); err != nil {
			return err
		}
		if err := auditIn(ctx, tx, o.ID, ofOrganization(audit.OrganizationCreate, o.ID, o.Name)); err != nil {
			return err
		}
		for _, m := range members {
			if err := auditIn(ctx, tx, o.ID, rowOfMembership(m).event(audit.MemberAdd, "", m.Role)); err != nil {
				return err
			}
		}
		return db.queue.Enqueue(ctx, tx.Tx, o.ID)
	})
	if err != nil {
		return fmt.Errorf("create organization %s: %w", o.Name, classify(err))
	}
	return nil
}

// mayOwnOneMore is registry.ErrTooMany for who owns registry.MaxOwned organizations.
func mayOwnOneMore(ctx context.Context, tx bun.Tx, m registry.Membership) error {
	if m.Role != registry.Owner {
		return nil
	}
	owned, err := tx.NewSelect().TableExpr("memberships AS m").
		Join("JOIN organizations AS o ON o.id = m.org_id").Join("JOIN users AS u ON u.id = m.user_id").
		Where("m.user_id = ? AND m.role = ? AND o.state <> 'deleted' AND NOT u.instance_admin", m.User.String(), string(m.Role)).Count(ctx)
	if err == nil && owned >= registry.MaxOwned {
		err = fmt.Errorf("%w: %d organizations", registry.ErrTooMany, owned)
	}
	return err
}

// OrganizationByID returns the organization, whatever its state; registry.ErrNotFound
// when there never was one.
func (db *DB) OrganizationByID(ctx context.Context, id org.ID) (org.Organization, error) {
	return db.organization(ctx, "id = ?", id.String())
}

// OrganizationByName returns the living organization of that name, or
// registry.ErrNotFound.
func (db *DB) OrganizationByName(ctx context.Context, name org.Name) (org.Organization, error) {
	return db.organization(ctx, "name = ? AND state <> 'deleted'", string(name))
}

func (db *DB) organization(ctx context.Context, where, arg string) (org.Organization, error) {
	var row organizationRow
	if err := db.read.NewSelect().Model(&row).Where(where, arg).Scan(ctx); err != nil {
		return org.Organization{}, fmt.Errorf("read organization %s: %w", arg, classify(err))
	}
	return row.organization()
}

// ListOrganizations returns a page of the living organizations in the order of
// their names: up to limit of those whose name comes after the given one.
func (db *DB) ListOrganizations(ctx context.Context, after org.Name, limit int) ([]org.Organization, error) {
	var rows []organizationRow
	err := db.read.NewSelect().Model(&rows).
		Where("state <> 'deleted' AND name > ?", string(after)).
		Order("name").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list organizations: %w", classify(err))
	}
	return organizationsOf(rows)
}

// OrganizationsToReconcile returns a page of the organizations that are in one of
// the states, in the order of their ids: up to limit of those whose id comes after
// the given one (the zero ID: from the start). Without states it is every
// organization that is not deleted, which is what a full pass visits.
func (db *DB) OrganizationsToReconcile(ctx context.Context, after org.ID, limit int, states ...org.State) ([]org.Organization, error) {
	var rows []organizationRow
	query := db.read.NewSelect().Model(&rows).Order("id").Limit(int64(limit))
	if !after.IsZero() {
		query = query.Where("id > ?", after.String())
	}
	if len(states) > 0 {
		query = query.Where("state IN (?)", bun.List(states))
	} else {
		query = query.Where("state <> 'deleted'")
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list organizations to reconcile: %w", classify(err))
	}
	return organizationsOf(rows)
}

// SetOrganizationState moves an organization to another state, as far as its life
// allows that (org.ErrTransition), and returns what it then is. Repeating the state
// and reason that it already has writes nothing. A deletion is stored with the job that
// carries it out.
func (db *DB) SetOrganizationState(ctx context.Context, id org.ID, next org.State, reason string) (org.Organization, error) {
	var moved org.Organization
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row organizationRow
		if err := tx.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
			return err
		}
		current, err := row.organization()
		if err != nil {
			return err
		}
		if current.State == next && current.Reason == reason {
			moved = current
			return nil
		}
		if moved, err = current.To(next, reason, instant(time.Now())); err != nil {
			return err
		}
		row = rowOfOrganization(moved)
		update := tx.NewUpdate().Model(&row).WherePK().
			Set("state = ?", row.State).Set("reason = ?", row.Reason).Set("updated_at = ?", row.UpdatedAt)
		if err := auditIn(ctx, tx, id, ofState(current, moved)); err != nil {
			return err
		}
		if next != org.Deleting {
			_, err = update.Exec(ctx)
			return err
		}
		if _, err := update.Set("generation = generation + 1").Exec(ctx); err != nil {
			return err
		}
		return db.queue.Enqueue(ctx, tx.Tx, id)
	})
	if err != nil {
		return org.Organization{}, fmt.Errorf("set state of organization %s: %w", id, classify(err))
	}
	return moved, nil
}

func ofOrganization(action string, id org.ID, name org.Name) audit.Event {
	return audit.Event{Action: action, Object: "organization/" + id.String(), Details: map[string]string{audit.DetailName: string(name)}}
}

// ofState says that an organization is in another state. The reason names AWS resources
// and is not for everybody who reads records (DESIGN I10).
func ofState(before, after org.Organization) audit.Event {
	if after.State == org.Deleting {
		return ofOrganization(audit.OrganizationDelete, after.ID, after.Name)
	}
	e := ofOrganization(audit.OrganizationState, after.ID, after.Name)
	e.Details["before"], e.Details["state"] = string(before.State), string(after.State)
	return e
}
