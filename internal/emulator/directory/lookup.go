package directory

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Lookup returns the caller behind an access key and the secret to check the
// request's signature with. The answer is as of now: a deleted role, a deactivated
// key or an expired session is refused at once.
//
// Errors are *api.Error: InvalidClientTokenId (403) for a key that is nobody's, a
// token that is missing, superfluous or not the key's, and a role or user that is
// gone; ExpiredToken (400) for a session past its end.
func (d *Directory) Lookup(_ context.Context, accessKeyID, sessionToken string) (*api.Caller, string, error) {
	if strings.HasPrefix(accessKeyID, prefixSession) {
		return d.lookupSession(accessKeyID, sessionToken)
	}
	if sessionToken != "" {
		return nil, "", errUnknownKey()
	}
	return d.lookupKey(accessKeyID)
}

func (d *Directory) lookupKey(id string) (*api.Caller, string, error) {
	var key AccessKey
	caller := &api.Caller{AccountID: d.account, AccessKeyID: id}
	err := d.Replica(func(tx Tx) error {
		var err error
		if key, err = AccessKeys.Get(tx, id); err != nil {
			return err
		}
		if key.Inactive {
			return ErrNotFound
		}
		if key.UserName == "" {
			caller.Kind = api.Root
			caller.ARN = d.RootARN()
			caller.UserID = d.account
			return nil
		}
		user, err := Users.Get(tx, key.UserName)
		if err != nil {
			return err
		}
		if !slices.Contains(user.AccessKeyIDs, id) {
			return ErrNotFound // the key of an earlier user of that name
		}
		caller.Kind = api.User
		caller.ARN = user.ARN
		caller.UserID = user.ID
		caller.UserName = user.Name
		caller.Tags = user.Tags
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil, "", errUnknownKey()
	}
	if err != nil {
		return nil, "", err
	}
	return caller, key.Secret, nil
}

func (d *Directory) lookupSession(id, token string) (*api.Caller, string, error) {
	content, err := d.openToken(id, token)
	if err != nil {
		return nil, "", err
	}
	s := content.Session
	var role Role
	err = d.Replica(func(tx Tx) error {
		role, err = Roles.Get(tx, s.RoleName)
		if err == nil && role.ID != s.RoleID {
			return ErrNotFound
		}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, "", errUnknownKey()
	}
	if err != nil {
		return nil, "", err
	}
	if !time.Now().Before(s.Expires) {
		return nil, "", api.Errorf(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	}
	caller := d.SessionCaller(role, s)
	caller.AccessKeyID = id
	caller.SessionToken = token
	return caller, content.Secret, nil
}

// SessionCaller returns the principal that a session of role is.
func (d *Directory) SessionCaller(role Role, s Session) *api.Caller {
	return &api.Caller{
		Kind:      api.Role,
		AccountID: d.account,
		// The path of the role is not in the ARN of its sessions (facts AWS §4.2).
		ARN:                 "arn:aws:sts::" + d.account + ":assumed-role/" + role.Name + "/" + s.Name,
		UserID:              role.ID + ":" + s.Name,
		RoleARN:             role.ARN,
		RoleName:            role.Name,
		RoleID:              role.ID,
		SessionName:         s.Name,
		SourceIdentity:      s.SourceIdentity,
		WebIdentity:         s.WebIdentity,
		IssuedAt:            s.Issued,
		ExpiresAt:           s.Expires,
		Tags:                Override(role.Tags, s.Tags),
		SessionTags:         s.Tags,
		TransitiveKeys:      s.TransitiveKeys,
		SessionPolicyPassed: s.PolicyPassed,
		InlineSessionPolicy: s.InlinePolicy,
		SessionPolicyARNs:   s.PolicyARNs,
	}
}

// Override returns tags with those of over in place of the ones that have the same
// key without regard to case (facts AWS §4.3).
func Override(tags, over map[string]string) map[string]string {
	joined := maps.Clone(tags)
	if joined == nil {
		joined = make(map[string]string, len(over))
	}
	for key := range over {
		maps.DeleteFunc(joined, func(old, _ string) bool { return strings.EqualFold(old, key) })
	}
	maps.Copy(joined, over)
	return joined
}

// errUnknownKey does not say whether the key, the token or the principal is wrong.
func errUnknownKey() error {
	return api.Errorf(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
}
