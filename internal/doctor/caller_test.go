package doctor

import (
	"errors"
	"slices"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
)

// session is what STS says of a session of a role.
func sessionOf(role, account string) Seen[cloud.Identity] {
	return seen(cloud.Identity{AccountID: account, ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/pod", UserID: "AROAX:pod"}, nil)
}

func TestCaller(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	source := func(provider, key string) Seen[cloud.CredentialSource] {
		return seen(cloud.CredentialSource{Provider: provider, AccessKeyID: key}, nil)
	}
	pod, node, static := source(cloud.FromEndpoint, "ASIA1"), source(cloud.FromInstance, "ASIA1"), source("EnvConfigCredentials", "AKIA1")
	user := seen(cloud.Identity{AccountID: account, ARN: "arn:aws:iam::" + account + ":user/jo"}, nil)
	kubernetes := map[string]string{inPod: "10.0.0.1"}
	none := errors.Join(cloud.ErrNoCredentials, errors.New("no provider has any"))
	for name, row := range map[string]struct {
		caller callerSeen
		want   []string
	}{
		"the backend":                     {callerSeen{As: Backend, Credentials: pod, Identity: sessionOf("backend", account)}, nil},
		"a workload that nobody names":    {callerSeen{Credentials: pod, Identity: sessionOf("cas", account)}, nil},
		"an administrator":                {callerSeen{Credentials: source("SSOProvider", "ASIA1"), Identity: sessionOf("admin", account)}, nil},
		"an administrator with a key":     {callerSeen{Credentials: static, Identity: user}, nil},
		"an administrator on an instance": {callerSeen{Credentials: node, Identity: sessionOf("bastion", account)}, nil},
		"nobody":                          {callerSeen{Credentials: Seen[cloud.CredentialSource]{Err: none}, Identity: Seen[cloud.Identity]{Err: none}}, []string{"caller-no-credentials"}},
		"expired":                         {callerSeen{Credentials: pod, Identity: Seen[cloud.Identity]{Err: cloud.ErrExpired}}, []string{"caller-refused"}},
		"a key in a pod":                  {callerSeen{Credentials: static, Identity: user, Environment: kubernetes}, []string{"caller-static-key"}},
		"another account":                 {callerSeen{Credentials: pod, Identity: sessionOf("backend", "999999999999")}, []string{"caller-account"}},
		"cas as the backend":              {callerSeen{As: Backend, Credentials: pod, Identity: sessionOf("cas", account)}, []string{"caller-swapped-role"}},
		"somebody else as cas":            {callerSeen{As: CAS, Credentials: pod, Identity: sessionOf("default", account)}, []string{"caller-other-role"}},
		"the node as cas":                 {callerSeen{As: CAS, Credentials: node, Identity: sessionOf("node", account)}, []string{"caller-node-role"}},
		"the node in some pod":            {callerSeen{Credentials: node, Identity: sessionOf("node", account), Environment: kubernetes}, []string{"caller-node-role"}},
		"the base role":                   {callerSeen{Credentials: pod, Identity: sessionOf("tenant", account)}, []string{"caller-base-role"}},
		"another Region":                  {callerSeen{Credentials: pod, Identity: sessionOf("cas", account), Environment: map[string]string{"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}}, []string{"caller-region"}},
		"the default Region alone":        {callerSeen{Credentials: pod, Identity: sessionOf("cas", account), Environment: map[string]string{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}}, []string{"caller-region"}},
	} {
		o := Observation{Installation: in, callerSeen: row.caller}
		if found, _ := codesOf(o, callerChecks()); !slices.Equal(found, row.want) {
			t.Errorf("%s: found %v, want %v", name, found, row.want)
		}
	}
}

// Where cas shares the role of the controlplane each of the two has the right one.
func TestSharedRole(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	in.CASRoleName = in.ControlplaneRoleName
	for _, as := range []Workload{Controlplane, CAS} {
		o := Observation{Installation: in, callerSeen: callerSeen{As: as, Identity: sessionOf("controlplane", account)}}
		if found, _ := codesOf(o, callerChecks()); len(found) > 0 {
			t.Errorf("%s: %v", as, found)
		}
	}
}
