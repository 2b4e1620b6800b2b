package database

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type userRow struct {
	bun.BaseModel `bun:"table:users"`

	ID            string `bun:",pk"`
	Issuer        string
	Subject       string
	Email         string
	EmailVerified bool
	FirstName     string
	LastName      string
	InstanceAdmin bool
	CurrentOrgID  string `bun:",nullzero"`
	CreatedAt     time.Time
	UpdatedAt     time.Time
	SignedInAt    time.Time
}

func (r userRow) user() (registry.User, error) {
	u := registry.User{
		Identity: registry.Identity{
			Issuer: r.Issuer, Subject: r.Subject, Email: r.Email, EmailVerified: r.EmailVerified,
			FirstName: r.FirstName, LastName: r.LastName,
		},
		InstanceAdmin: r.InstanceAdmin,
		CreatedAt:     r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), SignedInAt: r.SignedInAt.UTC(),
	}
	var err error
	if u.ID, err = uuid.Parse(r.ID); err != nil {
		return registry.User{}, fmt.Errorf("read user row: %w", err)
	}
	if r.CurrentOrgID != "" {
		if u.Current, err = org.ParseID(r.CurrentOrgID); err != nil {
			return registry.User{}, fmt.Errorf("read user row %s: %w", r.ID, err)
		}
	}
	return u, nil
}

// SignIn returns the user whom an identity provider says somebody is, with what it says
// of them now. Who comes for the first time is made a user, without any organization.
func (db *DB) SignIn(ctx context.Context, who registry.Identity) (registry.User, error) {
	now := instant(time.Now())
	row := userRow{
		ID: uuid.NewString(), Issuer: who.Issuer, Subject: who.Subject, Email: who.Email, EmailVerified: who.EmailVerified,
		FirstName: who.FirstName, LastName: who.LastName, CreatedAt: now, UpdatedAt: now, SignedInAt: now,
	}
	_, err := db.write.NewInsert().Model(&row).On("CONFLICT (issuer, subject) DO UPDATE").
		Set("email = EXCLUDED.email").Set("email_verified = EXCLUDED.email_verified").
		Set("first_name = EXCLUDED.first_name").Set("last_name = EXCLUDED.last_name").
		Set("signed_in_at = EXCLUDED.signed_in_at").Exec(ctx)
	if err != nil {
		return registry.User{}, fmt.Errorf("sign in: %w", classify(err))
	}
	// Not the read pool's: what was just written must be seen.
	var stored userRow
	if err := db.write.NewSelect().Model(&stored).Where("issuer = ? AND subject = ?", who.Issuer, who.Subject).Scan(ctx); err != nil {
		return registry.User{}, fmt.Errorf("sign in: %w", classify(err))
	}
	return stored.user()
}

// User returns a user, or registry.ErrNotFound.
func (db *DB) User(ctx context.Context, id uuid.UUID) (registry.User, error) {
	var row userRow
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
		return registry.User{}, fmt.Errorf("read user %s: %w", id, classify(err))
	}
	return row.user()
}

// SetCurrentOrganization sets the organization of a user's calls that name none;
// registry.ErrNotFound unless the user is a member of it.
func (db *DB) SetCurrentOrganization(ctx context.Context, user uuid.UUID, id org.ID) error {
	result, err := db.write.NewUpdate().Model((*userRow)(nil)).
		Set("current_org_id = ?", id.String()).Set("updated_at = ?", instant(time.Now())).
		Where("id = ?", user.String()).
		Where("EXISTS (SELECT 1 FROM memberships WHERE org_id = ? AND user_id = ?)", id.String(), user.String()).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("set current organization of user %s: %w", user, err)
	}
	return nil
}

// SetInstanceAdmin makes a user an administrator of the installation, or no longer;
// registry.ErrNotFound when there is no such user. What they are already they stay, without a
// record.
func (db *DB) SetInstanceAdmin(ctx context.Context, user uuid.UUID, admin bool) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row userRow
		if err := tx.NewSelect().Model(&row).Where("id = ?", user.String()).Scan(ctx); err != nil || row.InstanceAdmin == admin {
			return err
		}
		_, err := tx.NewUpdate().Model(&row).WherePK().Set("instance_admin = ?", admin).Set("updated_at = ?", instant(time.Now())).Exec(ctx)
		if err != nil {
			return err
		}
		return auditIn(ctx, tx, org.ID{}, audit.Event{
			Action: audit.UserAdmin, Object: "user/" + row.ID, Details: map[string]string{"admin": strconv.FormatBool(admin)},
		})
	})
	if err != nil {
		return fmt.Errorf("set administrator %s: %w", user, classify(err))
	}
	return nil
}
