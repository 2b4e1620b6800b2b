package tenancy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func TestTenantNames(t *testing.T) {
	t.Parallel()
	const (
		dashed   = "0f8fad5b-d9cb-469f-a165-70867728950e"
		undashed = "0f8fad5bd9cb469fa16570867728950e"
		hex      = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // sha256 of "hello"
	)
	tenant := mustNew(t, example()).Tenant(mustID(t, dashed))
	hello := digest.Of([]byte("hello"))
	for _, test := range []struct{ what, got, want, source string }{
		{"access point", tenant.APName(), "chainloop-" + dashed, "operator's guide, How It Works"},
		{"access point ARN", tenant.APARN(), "arn:aws:s3:eu-west-1:111122223333:accesspoint/chainloop-" + dashed, "facts AWS §1.1"},
		{"key prefix", tenant.KeyPrefix(), dashed + "/", "operator's guide, How It Works"},
		{"object key", tenant.ObjectKey(hello), dashed + "/sha256:" + hex, "operator's guide, How It Works"},
		{"object ARN", tenant.ObjectARN(hello), "arn:aws:s3:eu-west-1:111122223333:accesspoint/chainloop-" + dashed + "/object/" + dashed + "/sha256:" + hex, "facts AWS §1.1"},
		{"session name", tenant.SessionName(), "cas-" + dashed, "facts WIRE §9"},
		{"session tag", tenant.SessionTags()["org"], dashed, "DESIGN §1"},
		{"session policy", tenant.SessionPolicyName(), "cas-" + dashed, "operator's guide, Configure Workload Identities"},
		{"session policy ARN", tenant.SessionPolicyARN(), "arn:aws:iam::111122223333:policy/cas-" + dashed, "facts AWS §5"},
		{"id", tenant.ID().String(), dashed, "DESIGN §1"},
		{"undashed access point", mustNew(t, longPrefix()).Tenant(tenant.ID()).APName(), "chainloop-prod-" + undashed, "facts AWS §1.1: 51 characters with dashes"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q (%s)", test.what, test.got, test.want, test.source)
		}
	}
}

// The dashes go when the name would have 51 characters, and not before.
func TestAPNameAtItsLimit(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]int{1: 37, 13: 49, 14: 50, 15: 47, 18: 50} {
		in := example()
		in.APPrefix = strings.Repeat("p", length)
		name := mustNew(t, in).Tenant(mustID(t, acme)).APName()
		if len(name) != want {
			t.Errorf("prefix of %d: a name of %d characters, want %d", length, len(name), want)
		}
	}
}

func TestCoordinatesAreTheSecret(t *testing.T) {
	t.Parallel()
	tenant := mustNew(t, example()).Tenant(mustID(t, acme))
	text, err := json.Marshal(tenant.Coordinates())
	if err != nil {
		t.Fatal(err)
	}
	// The names are fixed by existing secrets (facts WIRE §9).
	want := `{"AccessPointARN":"arn:aws:s3:eu-west-1:111122223333:accesspoint/chainloop-` + acme +
		`","Region":"eu-west-1","BaseRoleARN":"arn:aws:iam::111122223333:role/chainloop-tenant"` +
		`,"SessionPolicyARN":"arn:aws:iam::111122223333:policy/cas-` + acme + `"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestI8_TamperedCoordinatesAreRefused(t *testing.T) {
	t.Parallel()
	in := mustNew(t, example())
	tenant, other := in.Tenant(mustID(t, acme)), in.Tenant(org.NewID())
	if err := tenant.Verify(tenant.Coordinates()); err != nil {
		t.Errorf("own coordinates: %v", err)
	}
	for field, tamper := range map[string]func(*tenancy.Coordinates){
		"AccessPointARN":   func(c *tenancy.Coordinates) { c.AccessPointARN = other.APARN() },
		"SessionPolicyARN": func(c *tenancy.Coordinates) { c.SessionPolicyARN = other.SessionPolicyARN() },
		"BaseRoleARN":      func(c *tenancy.Coordinates) { c.BaseRoleARN = in.BackendRoleARN() },
		"Region":           func(c *tenancy.Coordinates) { c.Region = "" },
	} {
		stored := tenant.Coordinates()
		tamper(&stored)
		err := tenant.Verify(stored)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("tampered %s: %v", field, err)
		}
		if err != nil && strings.Contains(err.Error(), "arn:") {
			t.Errorf("the error shows coordinates: %v", err)
		}
	}
	if tenant.Verify(tenancy.Coordinates{}) == nil {
		t.Error("empty coordinates accepted")
	}
}

func drawID(t *rapid.T, label string) org.ID {
	var id org.ID
	for id.IsZero() {
		digits := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).Draw(t, label)
		if err := id.UnmarshalText([]byte(digits)); err != nil && digits != (org.ID{}).String() {
			t.Fatal(err)
		}
	}
	return id
}

func drawInstallation(t *rapid.T) tenancy.Installation {
	in := example()
	in.APPrefix = rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,17}`).Draw(t, "access point prefix")
	in.SessionPolicyPrefix = rapid.StringMatching(`[A-Za-z0-9_+=,.@-]{1,92}`).Draw(t, "session policy prefix")
	valid, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return valid
}

// Two organizations share no name, and no name or prefix of one begins with one of
// the other.
func TestNamesAreInjective(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawInstallation(t)
		a, b := in.Tenant(drawID(t, "a")), in.Tenant(drawID(t, "b"))
		if a.ID() == b.ID() {
			return
		}
		content := digest.Of(rapid.SliceOf(rapid.Byte()).Draw(t, "content"))
		for what, pair := range map[string][2]string{
			"access point":   {a.APARN(), b.APARN()},
			"session":        {a.SessionName(), b.SessionName()},
			"session policy": {a.SessionPolicyARN(), b.SessionPolicyARN()},
			"key prefix":     {a.KeyPrefix(), b.KeyPrefix()},
			"object key":     {a.ObjectKey(content), b.ObjectKey(content)},
		} {
			if strings.HasPrefix(pair[0], pair[1]) || strings.HasPrefix(pair[1], pair[0]) {
				t.Fatalf("%s: %q and %q", what, pair[0], pair[1])
			}
		}
	})
}

// Every name that a valid installation can make is one that AWS accepts.
func TestNamesFitAWS(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tenant := drawInstallation(t).Tenant(drawID(t, "organization"))
		for _, test := range []struct {
			what, name string
			shortest   int
			longest    int
		}{
			{"access point", tenant.APName(), 3, 50},                  // facts AWS §1.1
			{"session", tenant.SessionName(), 2, 64},                  // facts AWS §4.1
			{"session policy", tenant.SessionPolicyName(), 1, 128},    // facts AWS §5
			{"object key", tenant.ObjectKey(digest.Of(nil)), 1, 1024}, // facts AWS §7.3
		} {
			if n := len(test.name); n < test.shortest || n > test.longest {
				t.Fatalf("%s %q has %d characters", test.what, test.name, n)
			}
		}
		if name := tenant.APName(); strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") {
			t.Fatalf("access point %q", name)
		}
	})
}
