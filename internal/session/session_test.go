package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func installation(t *testing.T) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(tenancy.Installation{
		Partition: "aws", AccountID: "111122223333", Region: "eu-west-1", BucketName: "cas-prod",
		KMSKeyARN: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		APPrefix:  "cas-prod-", BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "controlplane",
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// clerk issues numbered credentials after a delay, and remembers what it was asked.
// Inside a synctest bubble its delay takes no time.
type clerk struct {
	mu     sync.Mutex
	asked  []session.Request
	delay  time.Duration
	refuse error
}

func (c *clerk) AssumeRole(ctx context.Context, req session.Request) (session.Credentials, error) {
	select {
	case <-ctx.Done():
		return session.Credentials{}, ctx.Err()
	case <-time.After(c.delay):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, req)
	if c.refuse != nil {
		return session.Credentials{}, c.refuse
	}
	return session.Credentials{
		AccessKeyID:     fmt.Sprintf("ASIA%04d", len(c.asked)),
		SecretAccessKey: "secret", SessionToken: "token",
		Expires: time.Now().Add(req.Lifetime),
	}, nil
}

func (c *clerk) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// cabinet answers with the coordinates of whoever it is told to.
type cabinet func(org.ID) (tenancy.Coordinates, error)

func (c cabinet) Coordinates(_ context.Context, id org.ID) (tenancy.Coordinates, error) {
	return c(id)
}

func honest(in tenancy.Installation) cabinet {
	return func(id org.ID) (tenancy.Coordinates, error) { return in.Tenant(id).Coordinates(), nil }
}

func sessions(t *testing.T, c *clerk, secrets session.Secrets, reuse time.Duration) *session.Sessions {
	t.Helper()
	s, err := session.New(session.Config{Installation: installation(t), STS: c, Secrets: secrets, Reuse: reuse})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestI1_ASessionBelongsToTheOrganizationThatWasAskedFor(t *testing.T) {
	t.Parallel()
	in := installation(t)
	c := &clerk{}
	s := sessions(t, c, honest(in), time.Minute)
	a, b := org.NewID(), org.NewID()
	for _, id := range []org.ID{a, b, a, b} {
		got, err := s.For(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Tenant.ID() != id {
			t.Errorf("asked for %s, got a session of %s", id, got.Tenant.ID())
		}
	}
	if c.count() != 2 {
		t.Errorf("%d sessions were minted for two organizations, want 2", c.count())
	}
	for i, id := range []org.ID{a, b} {
		req, tenant := c.asked[i], in.Tenant(id)
		if req.SessionName != "cas-"+id.String() || req.Tags["org"] != id.String() || req.Policy != tenant.PassedPolicy() || req.RoleARN != in.BaseRoleARN() {
			t.Errorf("the session of %s was requested as %+v", id, req)
		}
	}
	if _, err := s.For(t.Context(), org.ID{}); err == nil {
		t.Error("nobody got a session")
	}
}

// I2: the policy is the installation's mode's, whatever was stored.
func TestI2_TheModeDecidesWhatIsPassed(t *testing.T) {
	t.Parallel()
	for _, mode := range []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC} {
		in := installation(t)
		in.SessionPolicyMode = mode
		c, id := &clerk{}, org.NewID()
		// What a backend in another mode has stored is the same.
		s, err := session.New(session.Config{Installation: in, STS: c, Secrets: honest(installation(t))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.For(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := c.asked[0].Policy; got != in.Tenant(id).PassedPolicy() || !got.Scopes() || (got.Text != "") != (mode == tenancy.Inline) {
			t.Errorf("%s: passed %+v", mode, got)
		}
	}
}

func TestI8e_CoordinatesOfAnotherOrganizationAreRefused(t *testing.T) {
	t.Parallel()
	in := installation(t)
	victim := org.NewID()
	c := &clerk{}
	s := sessions(t, c, cabinet(func(org.ID) (tenancy.Coordinates, error) { return in.Tenant(victim).Coordinates(), nil }), time.Minute)
	if _, err := s.For(t.Context(), org.NewID()); !errors.Is(err, session.ErrCoordinates) {
		t.Errorf("error %v, want ErrCoordinates", err)
	}
	if c.count() != 0 {
		t.Error("STS was asked all the same")
	}
}

func TestReuse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{}
		s := sessions(t, c, honest(installation(t)), 20*time.Minute)
		id := org.NewID()
		ask := func() session.Session {
			got, err := s.For(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		first := ask()
		time.Sleep(13 * time.Minute) // less than four fifths of Reuse minus its jitter of a tenth
		if second := ask(); second.Credentials.AccessKeyID != first.Credentials.AccessKeyID || c.count() != 1 {
			t.Error("the session was not reused")
		}
		time.Sleep(8 * time.Minute)
		renewed := ask()
		if renewed.Credentials.AccessKeyID == first.Credentials.AccessKeyID {
			t.Error("the session was reused for longer than Reuse")
		}
		s.Drop(id, first.Credentials) // it is not that one any more
		if again := ask(); again.Credentials.AccessKeyID != renewed.Credentials.AccessKeyID {
			t.Error("dropping an old session dropped the new one")
		}
		s.Drop(id, renewed.Credentials)
		if c.count() != 2 || ask().Credentials.AccessKeyID == renewed.Credentials.AccessKeyID {
			t.Error("a dropped session was handed out")
		}
	})
}

func TestNoReuseMintsForEveryRequest(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	s := sessions(t, c, honest(installation(t)), 0)
	id := org.NewID()
	for range 3 {
		if _, err := s.For(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if c.count() != 3 {
		t.Errorf("%d sessions for three requests, want 3", c.count())
	}
}

func TestConcurrentCallersShareOneAssumeRole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{delay: time.Second}
		s := sessions(t, c, honest(installation(t)), time.Minute)
		id := org.NewID()
		impatient, giveUp := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer giveUp()
		var wg sync.WaitGroup
		wg.Go(func() { // the first caller, whose context must not be everybody's
			if _, err := s.For(impatient, id); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient caller got %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			wg.Go(func() {
				if _, err := s.For(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if c.count() != 1 {
			t.Errorf("%d calls of AssumeRole, want 1", c.count())
		}
	})
}

func TestFailuresAreNotKept(t *testing.T) {
	t.Parallel()
	c := &clerk{refuse: errors.New("no")}
	s := sessions(t, c, honest(installation(t)), time.Minute)
	id := org.NewID()
	if _, err := s.For(t.Context(), id); !errors.Is(err, c.refuse) {
		t.Fatalf("error %v", err)
	}
	c.refuse = nil
	if _, err := s.For(t.Context(), id); err != nil {
		t.Errorf("a failure was remembered: %v", err)
	}
}

func TestReuseLimits(t *testing.T) {
	t.Parallel()
	for reuse, ok := range map[time.Duration]bool{0: true, session.MaxReuse: true, session.MaxReuse + 1: false, -1: false} {
		_, err := session.New(session.Config{Installation: installation(t), Reuse: reuse})
		if (err == nil) != ok {
			t.Errorf("reuse of %s: error %v", reuse, err)
		}
	}
}

func TestI11_CredentialsDoNotPrintThemselves(t *testing.T) {
	t.Parallel()
	c := session.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "very-secret", SessionToken: "token-text"}
	for _, format := range []string{"%v", "%+v", "%s", "%#v"} {
		if text := fmt.Sprintf(format, c); strings.Contains(text, "very-secret") || strings.Contains(text, "token-text") {
			t.Errorf("%s prints %s", format, text)
		}
	}
	if text := c.LogValue().String(); strings.Contains(text, "very-secret") {
		t.Errorf("the log would have %s", text)
	}
}
