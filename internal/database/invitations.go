package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type invitationRow struct {
	bun.BaseModel `bun:"table:invitations"`

	ID         string `bun:",pk"`
	OrgID      string
	Email      string // in lower case
	Role       string
	InvitedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	AcceptedAt time.Time `bun:",nullzero"`
	RevokedAt  time.Time `bun:",nullzero"`
}

func (r invitationRow) invitation() (registry.Invitation, error) {
	i := registry.Invitation{
		Email: r.Email, Role: registry.Role(r.Role), InvitedBy: r.InvitedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		AcceptedAt: r.AcceptedAt.UTC(), RevokedAt: r.RevokedAt.UTC(),
	}
	var err error
	if i.ID, err = uuid.Parse(r.ID); err != nil {
		return registry.Invitation{}, fmt.Errorf("read invitation row: %w", err)
	}
	if i.Org, err = org.ParseID(r.OrgID); err != nil {
		return registry.Invitation{}, fmt.Errorf("read invitation row %s: %w", r.ID, err)
	}
	return i, nil
}

// openInvitation narrows a query to invitations that are neither accepted nor revoked.
const openInvitation = "accepted_at IS NULL AND revoked_at IS NULL"

// Invite stores an invitation in place of an open one of the same address, and forgets those
// of the organization whose time is over. registry.ErrTooMany when it has
// registry.MaxInvitations others.
func (db *DB) Invite(ctx context.Context, i registry.Invitation) error {
	row := invitationRow{
		ID: i.ID.String(), OrgID: i.Org.String(), Email: registry.FoldAddress(i.Email), Role: string(i.Role), InvitedBy: i.InvitedBy,
		CreatedAt: instant(i.CreatedAt), ExpiresAt: instant(i.ExpiresAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*invitationRow)(nil)).Where("org_id = ? AND expires_at <= ?", row.OrgID, row.CreatedAt).Exec(ctx); err != nil {
			return err
		}
		var replaced invitationRow
		err := tx.NewSelect().Model(&replaced).Where("org_id = ? AND email = ?", row.OrgID, row.Email).Where(openInvitation).Scan(ctx)
		if err == nil {
			err = revokeInvitation(ctx, tx, i.Org, replaced, row.CreatedAt)
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		others, err := tx.NewSelect().Model((*invitationRow)(nil)).Where("org_id = ?", row.OrgID).Where(openInvitation).Count(ctx)
		if err != nil {
			return err
		}
		if others >= registry.MaxInvitations {
			return fmt.Errorf("%w: %d invitations", registry.ErrTooMany, others)
		}
		if _, err = tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return auditIn(ctx, tx, i.Org, row.event(audit.InvitationCreate))
	})
	if err != nil {
		return fmt.Errorf("invite: %w", classify(err))
	}
	return nil
}

// Invitations returns up to limit invitations of an organization that can be accepted now,
// the latest first.
func (db *DB) Invitations(ctx context.Context, id org.ID, limit int) ([]registry.Invitation, error) {
	return db.invitations(ctx, limit, "org_id = ?", id.String())
}

// InvitationsFor returns up to limit invitations of an address that can be accepted now, the
// latest first.
func (db *DB) InvitationsFor(ctx context.Context, email string, limit int) ([]registry.Invitation, error) {
	return db.invitations(ctx, limit, "email = ?", registry.FoldAddress(email))
}

func (db *DB) invitations(ctx context.Context, limit int, where, arg string) ([]registry.Invitation, error) {
	var rows []invitationRow
	err := db.read.NewSelect().Model(&rows).Where(where, arg).Where(openInvitation).Where("expires_at > ?", instant(time.Now())).
		Order("created_at DESC", "id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", classify(err))
	}
	return recordsOf(rows, invitationRow.invitation)
}

// RevokeInvitation takes an open invitation of an organization back, or fails with
// registry.ErrNotFound.
func (db *DB) RevokeInvitation(ctx context.Context, id org.ID, invitation uuid.UUID, at time.Time) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row invitationRow
		if err := tx.NewSelect().Model(&row).Where("id = ? AND org_id = ?", invitation.String(), id.String()).Where(openInvitation).Scan(ctx); err != nil {
			return err
		}
		return revokeInvitation(ctx, tx, id, row, at)
	})
	if err != nil {
		return fmt.Errorf("revoke invitation %s: %w", invitation, classify(err))
	}
	return nil
}

func revokeInvitation(ctx context.Context, tx bun.Tx, id org.ID, row invitationRow, at time.Time) error {
	if err := auditIn(ctx, tx, id, row.event(audit.InvitationRevoke)); err != nil {
		return err
	}
	_, err := tx.NewUpdate().Model(&row).WherePK().Set("revoked_at = ?", instant(at)).Exec(ctx)
	return err
}

// revokeInvitationsOf takes back the open invitations of an address, verified or not: it may
// be verified later.
func revokeInvitationsOf(ctx context.Context, tx bun.Tx, id org.ID, email string) error {
	return revokeInvitations(ctx, tx, id, tx.NewSelect().Where("email = ?", registry.FoldAddress(email)))
}

// revokeInvitationsBy takes back what a user's new role, or none, would not let them invite
// to: an accomplice could make them again what they were.
func revokeInvitationsBy(ctx context.Context, tx bun.Tx, id org.ID, user string, role registry.Role) error {
	theirs := tx.NewSelect().Where("invited_by LIKE ?", "%/"+user)
	switch {
	case role == registry.Owner:
		return nil
	case role.AtLeast(registry.Admin):
		theirs = theirs.Where("role = ?", string(registry.Owner))
	}
	return revokeInvitations(ctx, tx, id, theirs)
}

func revokeInvitations(ctx context.Context, tx bun.Tx, id org.ID, which *bun.SelectQuery) error {
	var rows []invitationRow
	if err := which.Model(&rows).Where("org_id = ?", id.String()).Where(openInvitation).Scan(ctx); err != nil {
		return err
	}
	for _, row := range rows {
		if err := revokeInvitation(ctx, tx, id, row, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// AcceptInvitation makes a user a member, if the invitation is open, its address theirs and
// its organization alive (else registry.ErrNotFound). A member already is registry.ErrExists,
// and keeps their role.
func (db *DB) AcceptInvitation(ctx context.Context, invitation uuid.UUID, u registry.User, now time.Time) (registry.Membership, error) {
	var made registry.Membership
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row invitationRow
		// In one statement: a second one would tell who guesses ids that there is one.
		living := tx.NewSelect().Model((*organizationRow)(nil)).Column("id").Where("state NOT IN ('deleting', 'deleted')")
		if err := tx.NewSelect().Model(&row).Where("id = ? AND org_id IN (?)", invitation.String(), living).Scan(ctx); err != nil {
			return err
		}
		i, err := row.invitation()
		if err != nil {
			return err
		}
		if !i.Open(now) || !u.Has(i.Email) {
			return registry.ErrNotFound
		}
		if _, err := tx.NewUpdate().Model(&row).WherePK().Set("accepted_at = ?", instant(now)).Exec(ctx); err != nil {
			return err
		}
		made = registry.NewMembership(i.Org, u.ID, i.Role, now)
		member := rowOfMembership(made)
		if _, err = tx.NewInsert().Model(&member).Exec(ctx); err != nil {
			return err
		}
		if err := auditIn(ctx, tx, i.Org, row.event(audit.InvitationAccept)); err != nil {
			return err
		}
		return auditIn(ctx, tx, i.Org, member.event(audit.MemberAdd, "", i.Role))
	})
	if err != nil {
		return registry.Membership{}, fmt.Errorf("accept invitation %s: %w", invitation, classify(err))
	}
	return made, nil
}

func (r invitationRow) event(action string) audit.Event {
	return audit.Event{Action: action, Object: "invitation/" + r.ID, Details: map[string]string{"email": r.Email, "role": r.Role}}
}
