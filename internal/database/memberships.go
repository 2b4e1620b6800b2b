package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type membershipRow struct {
	bun.BaseModel `bun:"table:memberships"`

	ID        string `bun:",pk"`
	OrgID     string
	UserID    string
	Role      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

func rowOfMembership(m registry.Membership) membershipRow {
	return membershipRow{
		ID: m.ID.String(), OrgID: m.Org.String(), UserID: m.User.String(), Role: string(m.Role),
		CreatedAt: instant(m.CreatedAt), UpdatedAt: instant(m.UpdatedAt),
	}
}

func (r membershipRow) membership() (registry.Membership, error) {
	m := registry.Membership{Role: registry.Role(r.Role), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC()}
	var err error
	if m.ID, err = uuid.Parse(r.ID); err != nil {
		return registry.Membership{}, fmt.Errorf("read membership row: %w", err)
	}
	if m.User, err = uuid.Parse(r.UserID); err != nil {
		return registry.Membership{}, fmt.Errorf("read membership row %s: %w", r.ID, err)
	}
	if m.Org, err = org.ParseID(r.OrgID); err != nil {
		return registry.Membership{}, fmt.Errorf("read membership row %s: %w", r.ID, err)
	}
	return m, nil
}

const membershipColumns = "m.id, m.org_id, m.user_id, m.role, m.created_at, m.updated_at"

// Membership returns a user's membership in an organization, or registry.ErrNotFound.
func (db *DB) Membership(ctx context.Context, id org.ID, user uuid.UUID) (registry.Membership, error) {
	var row membershipRow
	err := db.read.NewSelect().Model(&row).Where("org_id = ? AND user_id = ?", id.String(), user.String()).Scan(ctx)
	if err != nil {
		return registry.Membership{}, fmt.Errorf("read membership of %s in %s: %w", user, id, classify(err))
	}
	return row.membership()
}

// MembershipsOf returns up to limit memberships of a user in living organizations, in the
// order of the organizations' names from the first after the given one.
func (db *DB) MembershipsOf(ctx context.Context, user uuid.UUID, after org.Name, limit int) ([]registry.Membership, []org.Organization, error) {
	query := db.membershipsOf(user).Where("o.name > ?", string(after)).Order("o.name").Limit(int64(limit))
	return scanMemberships(ctx, query, user)
}

// MembershipOf returns a user's membership in a living organization by its id, and the
// organization; registry.ErrNotFound when it is none of theirs.
func (db *DB) MembershipOf(ctx context.Context, user, membership uuid.UUID) (registry.Membership, org.Organization, error) {
	memberships, organizations, err := scanMemberships(ctx, db.membershipsOf(user).Where("m.id = ?", membership.String()), user)
	if err == nil && len(memberships) == 0 {
		err = fmt.Errorf("read membership %s of user %s: %w", membership, user, registry.ErrNotFound)
	}
	if err != nil {
		return registry.Membership{}, org.Organization{}, err
	}
	return memberships[0], organizations[0], nil
}

// membershipsOf selects a user's memberships in living organizations, with these.
func (db *DB) membershipsOf(user uuid.UUID) *bun.SelectQuery {
	return db.read.NewSelect().TableExpr("memberships AS m").Join("JOIN organizations AS o ON o.id = m.org_id").
		ColumnExpr(membershipColumns).
		ColumnExpr("o.id AS o_id, o.name AS o_name, o.state AS o_state, o.reason AS o_reason").
		ColumnExpr("o.created_at AS o_created_at, o.updated_at AS o_updated_at").
		Where("m.user_id = ? AND o.state <> 'deleted'", user.String())
}

func scanMemberships(ctx context.Context, query *bun.SelectQuery, user uuid.UUID) ([]registry.Membership, []org.Organization, error) {
	var rows []struct {
		membershipRow
		Organization organizationRow `bun:"embed:o_"`
	}
	if err := query.Scan(ctx, &rows); err != nil {
		return nil, nil, fmt.Errorf("list organizations of user %s: %w", user, classify(err))
	}
	var memberships []registry.Membership
	var organizations []org.Organization
	for _, r := range rows {
		m, err := r.membership()
		if err != nil {
			return nil, nil, err
		}
		o, err := r.Organization.organization()
		if err != nil {
			return nil, nil, err
		}
		memberships, organizations = append(memberships, m), append(organizations, o)
	}
	return memberships, organizations, nil
}

// likeEscape takes away what LIKE would read in a text, with ! as the escape.
var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// Members returns up to limit members of an organization after the first offset ones, in
// the order of their addresses, and how many there are in all.
func (db *DB) Members(ctx context.Context, id org.ID, filter registry.MemberFilter, offset, limit int) ([]registry.UserMembership, int64, error) {
	var rows []struct {
		membershipRow
		Member userRow `bun:"embed:u_"`
	}
	query := db.read.NewSelect().TableExpr("memberships AS m").Join("JOIN users AS u ON u.id = m.user_id").
		Where("m.org_id = ?", id.String())
	if filter.Membership != uuid.Nil {
		query = query.Where("m.id = ?", filter.Membership.String())
	}
	if filter.Role != "" {
		query = query.Where("m.role = ?", string(filter.Role))
	}
	if filter.Email != "" {
		query = query.Where("LOWER(u.email) = LOWER(?)", filter.Email)
	}
	if filter.Name != "" {
		query = query.Where("LOWER(u.first_name || ' ' || u.last_name) LIKE LOWER(?) ESCAPE '!'", "%"+likeEscape.Replace(filter.Name)+"%")
	}
	total, err := query.Count(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count members: %w", classify(err))
	}
	err = query.ColumnExpr(membershipColumns).
		ColumnExpr("u.id AS u_id, u.issuer AS u_issuer, u.subject AS u_subject, u.email AS u_email, u.email_verified AS u_email_verified").
		ColumnExpr("u.first_name AS u_first_name, u.last_name AS u_last_name, u.instance_admin AS u_instance_admin").
		ColumnExpr("u.created_at AS u_created_at, u.updated_at AS u_updated_at, u.signed_in_at AS u_signed_in_at").
		Order("u.email", "m.id").Offset(int64(offset)).Limit(int64(limit)).Scan(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list members: %w", classify(err))
	}
	members := make([]registry.UserMembership, 0, len(rows))
	for _, r := range rows {
		m, err := r.membership()
		if err != nil {
			return nil, 0, err
		}
		u, err := r.Member.user()
		if err != nil {
			return nil, 0, err
		}
		members = append(members, registry.UserMembership{Membership: m, User: u})
	}
	return members, total, nil
}

// SetRole changes the role of a membership of an organization from the one that was seen:
// whoever may change that one may not change every other. registry.ErrNotFound when the
// membership is none of the organization's, registry.ErrConflict when its role is another by
// now, registry.ErrLastOwner when it is the last owner's. Their open invitations of others that
// the new role would not let them make are taken back.
func (db *DB) SetRole(ctx context.Context, id org.ID, membership uuid.UUID, seen, role registry.Role) error {
	return db.changeMembership(ctx, id, membership, seen, role, func(ctx context.Context, tx bun.Tx, row membershipRow) error {
		_, err := tx.NewUpdate().Model(&row).WherePK().Set("role = ?", string(role)).Set("updated_at = ?", instant(time.Now())).Exec(ctx)
		return err
	})
}

// RemoveMember ends a membership of an organization that has the role that was seen, with the
// errors of SetRole. Open invitations of the member's address, and by the member, end with it:
// one would be the way back in.
func (db *DB) RemoveMember(ctx context.Context, id org.ID, membership uuid.UUID, seen registry.Role) error {
	return db.changeMembership(ctx, id, membership, seen, "", func(ctx context.Context, tx bun.Tx, row membershipRow) error {
		if _, err := tx.NewUpdate().Model((*userRow)(nil)).Set("current_org_id = NULL").
			Where("id = ? AND current_org_id = ?", row.UserID, row.OrgID).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx); err != nil {
			return err
		}
		var user userRow
		if err := tx.NewSelect().Model(&user).Where("id = ?", row.UserID).Scan(ctx); err != nil {
			return err
		}
		return revokeInvitationsOf(ctx, tx, id, user.Email)
	})
}

// changeMembership lets change one that will have the role next, as long as an owner is left.
// One that has it already is not changed.
func (db *DB) changeMembership(ctx context.Context, id org.ID, membership uuid.UUID, seen, next registry.Role, change func(context.Context, bun.Tx, membershipRow) error) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row membershipRow
		if err := tx.NewSelect().Model(&row).Where("id = ? AND org_id = ?", membership.String(), id.String()).Scan(ctx); err != nil {
			return err
		}
		switch registry.Role(row.Role) {
		case next:
			return nil
		case seen:
		default:
			return registry.ErrConflict
		}
		if seen == registry.Owner {
			owners, err := tx.NewSelect().Model((*membershipRow)(nil)).Where("org_id = ? AND role = ?", row.OrgID, row.Role).Count(ctx)
			if err != nil {
				return err
			}
			if owners == 1 {
				return registry.ErrLastOwner
			}
		}
		action := audit.MemberChange
		if next == "" {
			action = audit.MemberRemove
		}
		if err := auditIn(ctx, tx, id, row.event(action, seen, next)); err != nil {
			return err
		}
		if err := change(ctx, tx, row); err != nil {
			return err
		}
		return revokeInvitationsBy(ctx, tx, id, row.UserID, next)
	})
	if err != nil {
		return fmt.Errorf("change membership %s: %w", membership, classify(err))
	}
	return nil
}

// event says that a membership is made, changed or ended; a role that there was not, or
// will not be, is "".
func (r membershipRow) event(action string, before, after registry.Role) audit.Event {
	return audit.Event{Action: action, Object: "user/" + r.UserID, Details: map[string]string{"before": string(before), "role": string(after)}}
}
