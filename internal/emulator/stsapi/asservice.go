package stsapi

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Credentials are those of a role session.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// AssumeRoleAsService assumes a role as an AWS service does on behalf of something
// in this account, such as "pods.eks.amazonaws.com" for a pod. The role's trust
// policy decides; parameters are held to the limits of AssumeRole, and errors are
// the same *api.Error. Without session policies: no service that calls this has any.
func (s *Service) AssumeRoleAsService(ctx context.Context, service, roleARN, sessionName string, tags map[string]string, transitive []string, d time.Duration) (Credentials, error) {
	caller := &api.Caller{
		Kind:      api.Service,
		AccountID: s.cfg.Directory.AccountID(),
		ARN:       service,
	}
	a, err := readAssumption(assumeForm(roleARN, sessionName, tags, transitive, d))
	if err != nil {
		return Credentials{}, fmt.Errorf("assume %s as %s: %w", roleARN, service, err)
	}
	got, err := s.assume(ctx, caller, a)
	if err != nil {
		return Credentials{}, fmt.Errorf("assume %s as %s: %w", roleARN, service, err)
	}
	return Credentials{
		AccessKeyID:     got.credentials.AccessKeyID,
		SecretAccessKey: got.credentials.SecretAccessKey,
		SessionToken:    got.credentials.SessionToken,
		Expiration:      got.credentials.Expires,
	}, nil
}

// assumeForm puts the parameters into a form, so that they pass the same checks as
// those of a client.
func assumeForm(roleARN, sessionName string, tags map[string]string, transitive []string, d time.Duration) url.Values {
	form := url.Values{
		"RoleArn":         {roleARN},
		"RoleSessionName": {sessionName},
		"DurationSeconds": {strconv.Itoa(int(d / time.Second))},
	}
	n := 0
	for key, value := range tags {
		n++
		member := "Tags.member." + strconv.Itoa(n)
		form.Set(member+".Key", key)
		form.Set(member+".Value", value)
	}
	for i, key := range transitive {
		form.Set("TransitiveTagKeys.member."+strconv.Itoa(i+1), key)
	}
	return form
}
