package stsapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type assumeRoleResult struct {
	AssumedRoleUser  assumedRoleUser
	Credentials      credentials
	PackedPolicySize *int   `xml:",omitempty"`
	SourceIdentity   string `xml:",omitempty"`
}

type assumedRoleUser struct {
	Arn           string
	AssumedRoleId string
}

type credentials struct {
	AccessKeyId     string
	SecretAccessKey string
	SessionToken    string
	Expiration      awsquery.Time
}

func (s *Service) assumeRole(r *http.Request, req *api.Request) (any, error) {
	a, err := readAssumption(r.PostForm)
	if err != nil {
		return nil, err
	}
	req.Resource = a.roleARN
	got, err := s.assume(r.Context(), req.Caller, a)
	if err != nil {
		return nil, err
	}
	return assumeRoleResult{
		AssumedRoleUser:  got.user(),
		Credentials:      got.xml(),
		PackedPolicySize: got.packedPercent(),
		SourceIdentity:   got.caller.SourceIdentity,
	}, nil
}

// issued is a session with all that the answer says about it.
type issued struct {
	credentials directory.Credentials
	caller      *api.Caller // who the holder is
	packed      Packed
	packedSize  int
}

func (i *issued) user() assumedRoleUser {
	return assumedRoleUser{Arn: i.caller.ARN, AssumedRoleId: i.caller.UserID}
}

func (i *issued) xml() credentials {
	return credentials{
		AccessKeyId:     i.credentials.AccessKeyID,
		SecretAccessKey: i.credentials.SecretAccessKey,
		SessionToken:    i.credentials.SessionToken,
		Expiration:      awsquery.Time(i.credentials.Expires),
	}
}

// packedPercent is absent when nothing is packed (facts AWS §4.2).
func (i *issued) packedPercent() *int {
	if i.packed.empty() {
		return nil
	}
	return &i.packedSize
}

// assume decides whether caller may have the session, and issues it.
func (s *Service) assume(ctx context.Context, caller *api.Caller, a assumption) (issued, error) {
	if caller.Kind == api.Root {
		return issued{}, api.Errorf(http.StatusForbidden, "AccessDenied", "Roles may not be assumed by root accounts.")
	}
	inherited, err := inherit(caller, a)
	if err != nil {
		return issued{}, err
	}
	role, found, err := s.role(a.roleARN)
	if err != nil {
		return issued{}, err
	}
	if err := s.authorize(ctx, caller, a, inherited, role, found); err != nil {
		return issued{}, err
	}
	if err := checkDuration(caller, a.duration, role); err != nil {
		return issued{}, err
	}
	return s.issue(role, a, inherited, nil)
}

// issue makes the session that was decided on; web is who it is for, unless a principal
// of the account asked.
func (s *Service) issue(role directory.Role, a assumption, inherited inheritance, web *api.WebIdentity) (issued, error) {
	if err := s.checkPolicies(a.policyARNs); err != nil {
		return issued{}, err
	}
	packed := Packed{Tags: directory.Override(inherited.tags, a.tags), Policy: a.policy, PolicyARNs: a.policyARNs}
	size := s.cfg.PackedSize(packed)
	if size > 100 {
		return issued{}, packedTooLarge(packed, size)
	}
	now := time.Now().Truncate(time.Second) // the protocol's times have whole seconds
	session := directory.Session{
		RoleName:       role.Name,
		RoleID:         role.ID,
		Name:           a.sessionName,
		Tags:           packed.Tags,
		TransitiveKeys: append(inherited.keys(), a.transitive...),
		PolicyPassed:   a.policy != "" || len(a.policyARNs) > 0,
		InlinePolicy:   a.policy,
		PolicyARNs:     a.policyARNs,
		SourceIdentity: inherited.sourceIdentity,
		WebIdentity:    web,
		Issued:         now,
		Expires:        now.Add(a.duration),
	}
	creds, err := s.cfg.Directory.IssueSession(session)
	if err != nil {
		return issued{}, err
	}
	return issued{
		credentials: creds,
		caller:      s.cfg.Directory.SessionCaller(role, session),
		packed:      packed,
		packedSize:  size,
	}, nil
}

// role returns the role with that ARN as far as it has propagated.
func (s *Service) role(arn string) (role directory.Role, found bool, err error) {
	err = s.cfg.Directory.Replica(func(tx directory.Tx) error {
		role, err = directory.RoleByARN(tx, arn)
		return err
	})
	if errors.Is(err, directory.ErrNotFound) {
		return directory.Role{}, false, nil
	}
	return role, err == nil, err
}

// checkDuration has AWS's order: the role's limit, then that of role chaining. The
// range that the model allows was checked before.
func checkDuration(caller *api.Caller, d time.Duration, role directory.Role) error {
	if d > role.MaxSessionDuration {
		return awsquery.ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if caller.Chained() && d > maxChained {
		return awsquery.ValidationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return nil
}
