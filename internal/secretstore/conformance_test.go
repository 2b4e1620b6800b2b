package secretstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// What is stored is the four names of other makers of such systems (facts WIRE §9), and
// nothing else (DESIGN I11).
func TestI11_EveryDriverKeepsTheFourNames(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		id := d.organization(t)
		own := d.in.Tenant(id).Coordinates()
		for _, reader := range []*secretstore.Store{d.backend, d.cas} {
			if _, err := reader.Coordinates(t.Context(), id); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("before: %v, want ErrNotFound", err)
			}
		}
		other := d.organization(t)
		for _, who := range []org.ID{id, other, id} { // the third time replaces
			if err := d.backend.PutCoordinates(t.Context(), who, d.in.Tenant(who).Coordinates()); err != nil {
				t.Fatal(err)
			}
		}
		for _, who := range []org.ID{id, other} {
			got, err := d.cas.Coordinates(t.Context(), who)
			if diff := cmp.Diff(d.in.Tenant(who).Coordinates(), got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(d.document(t, id)), &fields); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"AccessPointARN": own.AccessPointARN, "Region": own.Region, "BaseRoleARN": own.BaseRoleARN, "SessionPolicyARN": own.SessionPolicyARN,
		}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Error(diff)
		}

		for range 2 { // forgetting twice succeeds
			if err := d.backend.DeleteCoordinates(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if left := d.document(t, id); left != "" {
			t.Errorf("left: %s", left)
		}
		if _, err := d.cas.Coordinates(t.Context(), id); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("after: %v, want ErrNotFound", err)
		}
		if d.document(t, other) == "" {
			t.Error("another organization was forgotten as well")
		}
		// A name that was deleted is free again.
		if err := d.backend.PutCoordinates(t.Context(), id, own); err != nil {
			t.Error(err)
		}
	})
}

func TestI11_EveryDriverRefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		document, err := json.Marshal(good())
		if err != nil {
			t.Fatal(err)
		}
		id := d.organization(t)
		for name, damaged := range map[string]string{
			"a fifth field":    strings.Replace(string(document), "{", `{"SecretAccessKey":"x",`, 1),
			"three fields":     strings.Replace(string(document), `"Region":"eu-west-1",`, "", 1),
			"a field's number": strings.Replace(string(document), `"eu-west-1"`, "1", 1),
			"a list":           "[" + string(document) + "]",
			"half of one":      string(document)[:40],
			"nothing":          "",
		} {
			d.plant(t, id, damaged)
			_, err := d.cas.Coordinates(t.Context(), id)
			if !errors.Is(err, secretstore.ErrMalformed) || !errors.Is(err, session.ErrCoordinates) {
				t.Errorf("%s: %v, want ErrMalformed", name, err)
			}
		}
		// It is written anew like any other.
		own := d.in.Tenant(id).Coordinates()
		if err := d.backend.PutCoordinates(t.Context(), id, own); err != nil {
			t.Fatal(err)
		}
		if got, err := d.cas.Coordinates(t.Context(), id); err != nil || got != own {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// clerk mints sessions, and counts.
type clerk struct {
	mu    sync.Mutex
	asked int
}

func (c *clerk) AssumeRole(context.Context, session.Request) (session.Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return session.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s", SessionToken: "t", Expires: time.Now().Add(time.Hour)}, nil
}

// counting counts reads.
type counting struct {
	session.Secrets
	mu    sync.Mutex
	reads int
}

func (c *counting) Coordinates(ctx context.Context, id org.ID) (tenancy.Coordinates, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Secrets.Coordinates(ctx, id)
}

// Whoever can write to the store gets no session of another organization, nor one of an
// organization of its choice.
func TestI8e_AnotherOrganizationsDocumentIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		id, other := d.organization(t), d.organization(t)
		document, err := json.Marshal(d.in.Tenant(other).Coordinates())
		if err != nil {
			t.Fatal(err)
		}
		d.plant(t, id, string(document))
		sts := &clerk{}
		sessions, err := session.New(session.Config{Installation: d.in, STS: sts, Secrets: d.cas})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sessions.For(t.Context(), id); !errors.Is(err, session.ErrCoordinates) || sts.asked != 0 {
			t.Errorf("%v, %d roles assumed; want ErrCoordinates and none", err, sts.asked)
		}
	})
}

// A request whose organization has a session does not touch the store.
func TestWarmPathReadsNoSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		id := d.organization(t)
		if err := d.backend.PutCoordinates(t.Context(), id, d.in.Tenant(id).Coordinates()); err != nil {
			t.Fatal(err)
		}
		sts, secrets := &clerk{}, &counting{Secrets: d.cas}
		sessions, err := session.New(session.Config{Installation: d.in, STS: sts, Secrets: secrets, Reuse: 15 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 50 {
			if n == 1 {
				d.down(t) // and so an outage is not noticed
			}
			if _, err := sessions.For(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		d.up(t)
		if secrets.reads != 1 || sts.asked != 1 {
			t.Errorf("%d reads, %d roles assumed for 50 requests; want 1 and 1", secrets.reads, sts.asked)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		shared := d.organization(t)
		var all sync.WaitGroup
		for range 8 {
			own := d.organization(t)
			all.Go(func() {
				for _, id := range []org.ID{shared, own} {
					want := d.in.Tenant(id).Coordinates()
					if err := d.backend.PutCoordinates(t.Context(), id, want); err != nil {
						t.Error(err)
					}
					if got, err := d.cas.Coordinates(t.Context(), id); err != nil || got != want {
						t.Errorf("%v, %v", got, err)
					}
				}
				if err := d.backend.DeleteCoordinates(t.Context(), own); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// An outage is told as what may work in a moment (DESIGN I12), and is over when it is.
func TestI12_OutagesAreRetryable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		id := d.organization(t)
		own := d.in.Tenant(id).Coordinates()
		d.down(t)
		_, read := d.cas.Coordinates(t.Context(), id)
		for what, err := range map[string]error{
			"read": read, "put": d.backend.PutCoordinates(t.Context(), id, own), "delete": d.backend.DeleteCoordinates(t.Context(), id),
		} {
			if kind := problem.KindOf(cas.Problem(err)); kind != problem.Unavailable {
				t.Errorf("%s: %v is %s, want unavailable", what, err, kind)
			}
			if errors.Is(err, registry.ErrNotFound) {
				t.Errorf("%s: an outage is no absence: %v", what, err)
			}
		}
		d.up(t)
		if err := d.backend.PutCoordinates(t.Context(), id, own); err != nil {
			t.Fatal(err)
		}
		if got, err := d.cas.Coordinates(t.Context(), id); err != nil || got != own {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A store that does not answer costs the caller its deadline, or the store's.
func TestI12_SilenceEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d driver) {
		id := d.organization(t)
		d.silent(t)
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := d.cas.Coordinates(short, id); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's deadline: %v", err)
		}
		impatient := secretstore.WithTimeout(d.cas, 50*time.Millisecond)
		_, err := impatient.Coordinates(t.Context(), id)
		if kind := problem.KindOf(cas.Problem(err)); !errors.Is(err, registry.ErrUnavailable) || kind != problem.Unavailable {
			t.Errorf("the store's: %v is %s", err, kind)
		}
		d.up(t)
	})
}
