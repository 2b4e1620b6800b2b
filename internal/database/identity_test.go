package database

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

func TestTrusts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		acme, globex := newOrganization(), newOrganization()
		globex.Name = "globex"
		for _, o := range []org.Organization{acme, globex} {
			if err := db.CreateOrganization(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		made := registry.Trust{
			ID: uuid.New(), Org: acme.ID, Name: "ci", Issuer: "https://gitlab.com", Audience: "x", Subjects: []string{"a", "b:c/**"},
			Claims: map[string]string{"namespace_id": "1"}, Lifetime: 10 * time.Minute, Reusable: true, Enabled: true, CreatedAt: instant(time.Now()), CreatedBy: "test",
		}
		if err := db.CreateTrust(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		recorded, err := db.AuditRecords(t.Context(), audit.Of(acme.ID), 1, 10, audit.Query{ActionPrefix: audit.TrustCreate, Limit: 1})
		if err != nil || len(recorded) != 1 || recorded[0].Details["subjects"] != `["a","b:c/**"]` || recorded[0].Details["issuer"] != made.Issuer {
			t.Errorf("recorded: %+v, %v", recorded, err)
		}
		again := made
		again.ID = uuid.New()
		if err := db.CreateTrust(t.Context(), again); !errors.Is(err, registry.ErrExists) {
			t.Errorf("another one of its name: %v", err)
		}
		again.Org = globex.ID
		if err := db.CreateTrust(t.Context(), again); err != nil {
			t.Errorf("one of its name elsewhere: %v", err)
		}
		if list, err := db.Trusts(t.Context(), acme.ID, 10); err != nil || !reflect.DeepEqual(list, []registry.Trust{made}) {
			t.Errorf("%+v, %v; want %+v", list, err, made)
		}
		for what, err := range map[string]error{
			"disabled by another": db.SetTrustEnabled(t.Context(), globex.ID, made.ID, false), "deleted by another": db.DeleteTrust(t.Context(), globex.ID, made.ID),
		} {
			if !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := db.SetTrustEnabled(t.Context(), acme.ID, made.ID, false); err != nil {
			t.Error(err)
		}
		if got, err := db.Trust(t.Context(), made.ID); err != nil || got.Enabled {
			t.Errorf("disabled: %+v, %v", got, err)
		}
		if err := db.DeleteTrust(t.Context(), acme.ID, made.ID); err != nil {
			t.Error(err)
		}
		if _, err := db.Trust(t.Context(), made.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// However many are made at the same moment, so many come about.
func TestTrustsAreBoundedTogether(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db, o := openTarget(t, target), newOrganization()
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		create := func(n int) error {
			return db.CreateTrust(t.Context(), registry.Trust{ID: uuid.New(), Org: o.ID, Name: fmt.Sprint("t", n), Lifetime: time.Minute, CreatedAt: time.Now()})
		}
		for n := range registry.MaxTrusts - 1 {
			if err := create(n); err != nil {
				t.Fatal(err)
			}
		}
		outcomes := together(5, func(n int) error { return create(registry.MaxTrusts + n) })
		if outcomes["<nil>"] != 1 || outcomes["too many"] != 4 {
			t.Errorf("5 take the last place: %v", outcomes)
		}
	})
}

// together runs f n times at once, and returns how often it returned each error.
func together(n int, f func(int) error) map[string]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	outcomes := map[string]int{}
	for i := range n {
		wg.Go(func() {
			err := f(i)
			mu.Lock()
			defer mu.Unlock()
			for name, known := range map[string]error{"not found": registry.ErrNotFound, "exists": registry.ErrExists, "too many": registry.ErrTooMany} {
				if errors.Is(err, known) {
					outcomes[name]++
					return
				}
			}
			outcomes[fmt.Sprint(err)]++
		})
	}
	wg.Wait()
	return outcomes
}

func TestOneBootstrapTokenIsOpen(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		now := time.Now()
		var first atomic.Int64
		outcomes := together(10, func(i int) error {
			err := db.OpenBootstrap(t.Context(), sha256.Sum256([]byte{byte(i)}), now, now.Add(time.Hour))
			if err == nil {
				first.Store(int64(i))
			}
			return err
		})
		if outcomes["<nil>"] != 1 || outcomes["exists"] != 9 {
			t.Fatalf("10 processes open tokens: %v", outcomes)
		}
		sum := sha256.Sum256([]byte{byte(first.Load())})
		if err := db.UseBootstrap(t.Context(), sum, now.Add(time.Hour)); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("used when its time is over: %v", err)
		}
		outcomes = together(50, func(int) error { return db.UseBootstrap(t.Context(), sum, now) })
		if outcomes["<nil>"] != 1 || outcomes["not found"] != 49 {
			t.Errorf("50 use it: %v", outcomes)
		}
		// It gave nobody anything, by whatever accident: the next start makes another one.
		if err := db.OpenBootstrap(t.Context(), sha256.Sum256([]byte("x")), now, now.Add(time.Hour)); err != nil {
			t.Errorf("another one: %v", err)
		}
		if err := db.OpenBootstrap(t.Context(), sha256.Sum256([]byte("y")), now.Add(time.Hour), now.Add(2*time.Hour)); err != nil {
			t.Errorf("in place of one whose time is over: %v", err)
		}
		u := signIn(t, db, "ann")
		if err := db.SetInstanceAdmin(t.Context(), u.ID, true); err != nil {
			t.Fatal(err)
		}
		if err := db.OpenBootstrap(t.Context(), sha256.Sum256([]byte("z")), now, now.Add(time.Hour)); !errors.Is(err, registry.ErrAdministered) {
			t.Errorf("with an administrator: %v", err)
		}
		if err := db.UseBootstrap(t.Context(), sha256.Sum256([]byte("y")), now.Add(time.Hour)); !errors.Is(err, registry.ErrAdministered) {
			t.Errorf("used with an administrator: %v", err)
		}
	})
}

func TestCodesAreGoodOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		u, now := signIn(t, db, "ann"), time.Now()
		code := registry.ClientCode{Sum: sha256.Sum256([]byte("code")), User: u.ID, Challenge: "c", Client: "x", ExpiresAt: now.Add(time.Minute)}
		if err := db.CreateClientCode(t.Context(), code, now); err != nil {
			t.Fatal(err)
		}
		if _, err := db.UseClientCode(t.Context(), code.Sum, now.Add(time.Minute)); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("a code whose time is over: %v", err)
		}
		outcomes := together(20, func(int) error {
			_, err := db.UseClientCode(t.Context(), code.Sum, now)
			return err
		})
		if outcomes["<nil>"] != 1 || outcomes["not found"] != 19 {
			t.Errorf("20 use a code: %v", outcomes)
		}

		d := registry.Device{Sum: sha256.Sum256([]byte("device")), UserCode: "BCDFGHJK", Client: "x", Address: "y", CreatedAt: now, ExpiresAt: now.Add(time.Minute), Interval: 5 * time.Second}
		if err := db.CreateDevice(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if err := db.DecideDevice(t.Context(), d.UserCode, u.ID, registry.DeviceApproved, now); err != nil {
			t.Fatal(err)
		}
		if err := db.DecideDevice(t.Context(), d.UserCode, u.ID, registry.DeviceDenied, now); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("decided again: %v", err)
		}
		outcomes = together(20, func(int) error {
			_, err := db.PollDevice(t.Context(), d.Sum, now)
			return err
		})
		if outcomes["<nil>"] != 1 || outcomes["not found"] != 19 {
			t.Errorf("20 poll an approved device: %v", outcomes)
		}
	})
}

func TestDevicesAreBounded(t *testing.T) {
	t.Parallel()
	db := openTarget(t, databasetest.Target(t, "sqlite"))
	now := time.Now()
	device := func(i int, at time.Time) registry.Device {
		return registry.Device{Sum: sha256.Sum256(fmt.Append(nil, i)), UserCode: fmt.Sprint(i), Address: fmt.Sprint(i), CreatedAt: at, ExpiresAt: at.Add(time.Minute), Interval: time.Second}
	}
	rows := make([]deviceRow, 0, maxDevices)
	for i := range maxDevices - 1 {
		d := device(i, now)
		rows = append(rows, deviceRow{SHA256: fmt.Sprintf("%x", d.Sum), UserCode: d.UserCode, Address: d.Address, State: "pending", CreatedAt: instant(now), ExpiresAt: instant(d.ExpiresAt)})
	}
	for chunk := range slices.Chunk(rows, 500) {
		if _, err := db.write.NewInsert().Model(&chunk).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CreateDevice(t.Context(), device(maxDevices, now)); err != nil {
		t.Errorf("the last one that may wait: %v", err)
	}
	if err := db.CreateDevice(t.Context(), device(maxDevices+1, now)); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("one more: %v", err)
	}
	if err := db.CreateDevice(t.Context(), device(maxDevices+1, now.Add(time.Minute))); err != nil {
		t.Errorf("when the time of the others is over: %v", err)
	}
}

// One address cannot keep all others from signing in their devices.
func TestDevicesOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	db := openTarget(t, databasetest.Target(t, "sqlite"))
	now := time.Now()
	waits := func(i int, address string) error {
		return db.CreateDevice(t.Context(), registry.Device{Sum: sha256.Sum256(fmt.Append(nil, i)), UserCode: fmt.Sprint(i), Address: address, CreatedAt: now, ExpiresAt: now.Add(time.Minute)})
	}
	for i := range maxDevicesFrom {
		if err := waits(i, "192.0.2.1"); err != nil {
			t.Fatalf("device %d: %v", i+1, err)
		}
	}
	if err := waits(maxDevicesFrom, "192.0.2.1"); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("one more: %v", err)
	}
	if err := waits(maxDevicesFrom, "192.0.2.2"); err != nil {
		t.Errorf("one of another address: %v", err)
	}
}

// However many come with a provider's token, one exchanges it; when its time is over, it is
// forgotten.
func TestExchangesAreRecordedOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		e := registry.Exchange{Trust: registry.Trust{ID: uuid.New(), Org: o.ID, Name: "app"}, Subject: "x", Sum: sha256.Sum256([]byte("token")), ExpiresAt: now.Add(time.Minute)}
		outcomes := together(20, func(int) error { return db.RecordExchange(t.Context(), e, now) })
		if outcomes["<nil>"] != 1 || outcomes["exists"] != 19 {
			t.Errorf("20 exchange a token: %v", outcomes)
		}
		if err := db.RecordExchange(t.Context(), e, now.Add(time.Minute-time.Second)); !errors.Is(err, registry.ErrExists) {
			t.Errorf("within its time: %v", err)
		}
		if err := db.RecordExchange(t.Context(), e, now.Add(time.Minute)); err != nil {
			t.Errorf("when its time is over: %v", err)
		}
		e.Trust.Reusable = true
		for range 2 {
			if err := db.RecordExchange(t.Context(), e, now); err != nil {
				t.Errorf("by a trust that lets it come again: %v", err)
			}
		}
	})
}

// Who has as many devices wait as may, from one network, locks out themselves alone.
func TestDevicesOfOneNetworkLockOutNobodyElse(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		now, waiting := time.Now(), 0
		ask := func(address string) (registry.Device, error) {
			waiting++
			d := registry.Device{
				Sum: sha256.Sum256(fmt.Append(nil, waiting)), UserCode: fmt.Sprint(waiting), Address: address,
				CreatedAt: now, ExpiresAt: now.Add(time.Minute), Interval: time.Second,
			}
			return d, db.CreateDevice(t.Context(), d)
		}
		early, err := ask("192.0.2.7")
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]deviceRow, 0, maxDevices)
		for i := range maxDevices - 1 {
			rows = append(rows, deviceRow{
				SHA256: fmt.Sprintf("%064x", i), UserCode: fmt.Sprint("x", i), State: "pending", Address: fmt.Sprintf("2001:db8::%x", i+1),
				CreatedAt: instant(now.Add(time.Duration(i) * time.Millisecond)), ExpiresAt: instant(now.Add(time.Minute)),
			})
		}
		for chunk := range slices.Chunk(rows, 500) {
			if _, err := db.write.NewInsert().Model(&chunk).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ask("2001:db8::ffff:1"); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("one more of that network: %v", err)
		}
		late, err := ask("192.0.2.8")
		if err != nil {
			t.Errorf("somebody else: %v", err)
		}
		for code, want := range map[string]error{early.UserCode: nil, late.UserCode: nil, "x0": registry.ErrNotFound, "x1": nil} {
			if _, err := db.DeviceByUserCode(t.Context(), code, now); !errors.Is(err, want) {
				t.Errorf("device %s: %v", code, err)
			}
		}
	})
}
