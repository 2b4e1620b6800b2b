package directory_test

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

const account = "111122223333"

func open(t *testing.T, file string, propagation func() time.Duration) *directory.Directory {
	t.Helper()
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d, err := directory.Open(db, account, propagation)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fresh(t *testing.T) *directory.Directory {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "state.db"), nil)
}

func addRole(t *testing.T, d *directory.Directory, name string) directory.Role {
	t.Helper()
	r := directory.Role{Principal: directory.Principal{
		Name: name, Path: "/", ARN: d.ARN(directory.KindRole, "/", name), ID: directory.NewID(directory.KindRole),
	}}
	update(t, d, func(tx directory.Tx) error { return directory.CreateRole(tx, r) })
	return r
}

func update(t *testing.T, d *directory.Directory, fn func(directory.Tx) error) {
	t.Helper()
	if err := d.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func session(r directory.Role, life time.Duration) directory.Session {
	now := time.Now().Truncate(time.Second)
	return directory.Session{
		RoleName: r.Name, RoleID: r.ID, Name: "s1", Issued: now, Expires: now.Add(life),
		Tags: map[string]string{"org": "a"}, TransitiveKeys: []string{"org"},
		PolicyPassed: true, InlinePolicy: `{"Version":"2012-10-17"}`, PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
		SourceIdentity: "alice",
	}
}

func issue(t *testing.T, d *directory.Directory, s directory.Session) directory.Credentials {
	t.Helper()
	creds, err := d.IssueSession(s)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func TestEverythingSurvivesARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(db, account, nil)
	if err != nil {
		t.Fatal(err)
	}
	root := d.RootCredentials()
	creds := issue(t, d, session(addRole(t, d, "T"), time.Hour))
	before, _, err := d.Lookup(t.Context(), creds.AccessKeyID, creds.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, file, nil)
	if diff := cmp.Diff(root, d.RootCredentials()); diff != "" {
		t.Errorf("root credentials changed:\n%s", diff)
	}
	after, secret, err := d.Lookup(t.Context(), creds.AccessKeyID, creds.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if secret != creds.SecretAccessKey {
		t.Error("the session has another secret")
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the session changed:\n%s", diff)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	d := fresh(t)
	role := addRole(t, d, "T")
	good := issue(t, d, session(role, time.Hour))
	other := issue(t, d, session(role, time.Hour))
	expired := issue(t, d, session(role, -time.Second))
	stranger := issue(t, fresh(t), session(role, time.Hour))
	altered := []byte(good.SessionToken)
	altered[40] ^= 1
	root := d.RootCredentials()
	rows := []struct{ name, key, token, code string }{
		{"root", root.ID, "", ""},
		{"session", good.AccessKeyID, good.SessionToken, ""},
		{"unknown key", "AKIAAAAAAAAAAAAAAAAA", "", "InvalidClientTokenId"},
		{"no key", "", "", "InvalidClientTokenId"},
		{"root with a token", root.ID, good.SessionToken, "InvalidClientTokenId"},
		{"session without token", good.AccessKeyID, "", "InvalidClientTokenId"},
		{"token of another session", good.AccessKeyID, other.SessionToken, "InvalidClientTokenId"},
		{"altered token", good.AccessKeyID, string(altered), "InvalidClientTokenId"},
		{"token of another account", stranger.AccessKeyID, stranger.SessionToken, "InvalidClientTokenId"},
		{"no token at all", good.AccessKeyID, "not base64!", "InvalidClientTokenId"},
		{"expired", expired.AccessKeyID, expired.SessionToken, "ExpiredToken"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, secret, err := d.Lookup(t.Context(), row.key, row.token)
			code := ""
			if refused, ok := errors.AsType[*api.Error](err); ok {
				code = refused.Code
			} else if err != nil {
				t.Fatal(err)
			}
			if code != row.code {
				t.Errorf("got %q, want %q", code, row.code)
			}
			if err != nil && secret != "" {
				t.Error("a refusal came with a secret")
			}
		})
	}
}

// Source: facts AWS §4.2 (ARN without path, user id) and §4.3 (tags).
func TestSessionCaller(t *testing.T) {
	t.Parallel()
	d := fresh(t)
	role := directory.Role{Principal: directory.Principal{
		Name: "T", Path: "/deep/", ARN: d.ARN("role", "/deep/", "T"), ID: "AROAXXXXXXXXXXXXXXXXX",
		Tags: map[string]string{"ORG": "of the role", "team": "blue"},
	}}
	got := d.SessionCaller(role, session(role, time.Hour))
	want := map[string]string{
		"arn": "arn:aws:sts::111122223333:assumed-role/T/s1", "userid": "AROAXXXXXXXXXXXXXXXXX:s1",
		"role": "arn:aws:iam::111122223333:role/deep/T", "org": "a", "team": "blue", "ORG": "",
	}
	if diff := cmp.Diff(want, map[string]string{
		"arn": got.ARN, "userid": got.UserID, "role": got.RoleARN,
		"org": got.Tags["org"], "team": got.Tags["team"], "ORG": got.Tags["ORG"],
	}); diff != "" {
		t.Error(diff)
	}
	if role.Tags["ORG"] == "" {
		t.Error("the role's own tags were changed")
	}
}

// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func TestIDs(t *testing.T) {
	t.Parallel()
	for kind, prefix := range map[string]string{"role": "AROA", "user": "AIDA", "policy": "ANPA"} {
		a, b := directory.NewID(kind), directory.NewID(kind)
		if !strings.HasPrefix(a, prefix) || len(a) != 21 || a == b {
			t.Errorf("%s ids %q and %q: want 21 characters from %s, each time others", kind, a, b, prefix)
		}
	}
	key := directory.NewAccessKey("u", time.Now())
	if len(key.ID) != 20 || len(key.Secret) != 40 {
		t.Errorf("access key of %d and %d characters, want 20 and 40", len(key.ID), len(key.Secret))
	}
}

func TestNamesHaveNoCase(t *testing.T) {
	t.Parallel()
	d := fresh(t)
	addRole(t, d, "Tenant")
	err := d.View(func(tx directory.Tx) error {
		r, err := directory.Roles.Get(tx, "TENANT")
		if err == nil && r.Name != "Tenant" {
			t.Errorf("got name %q", r.Name)
		}
		if _, err := directory.RoleByARN(tx, d.ARN("role", "/", "tenant")); !errors.Is(err, directory.ErrNotFound) {
			t.Error("an ARN was found in other case")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	d := fresh(t)
	for i := range 5 {
		addRole(t, d, "r"+strconv.Itoa(i))
	}
	addRole(t, d, "R1") // replaces
	update(t, d, func(tx directory.Tx) error { return directory.Roles.Delete(tx, "r2") })
	update(t, d, func(tx directory.Tx) error { return directory.Roles.Delete(tx, "r2") })
	_ = d.View(func(tx directory.Tx) error {
		if n, err := directory.Roles.Count(tx); n != 4 || err != nil {
			t.Errorf("got %d, %v; want 4", n, err)
		}
		return nil
	})
}

// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
// (eventual consistency).
func TestPropagation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		delay := 10 * time.Second
		d := open(t, filepath.Join(t.TempDir(), "state.db"), func() time.Duration { return delay })
		see := func(read func(func(directory.Tx) error) error) string {
			description := "absent"
			_ = read(func(tx directory.Tx) error {
				if r, err := directory.Roles.Get(tx, "T"); err == nil {
					description = r.Description
				}
				return nil
			})
			return description
		}
		expect := func(step, view, replica string) {
			t.Helper()
			if got := see(d.View); got != view {
				t.Errorf("%s: the API sees %q, want %q", step, got, view)
			}
			if got := see(d.Replica); got != replica {
				t.Errorf("%s: the services see %q, want %q", step, got, replica)
			}
		}
		put := func(description string) {
			update(t, d, func(tx directory.Tx) error {
				return directory.Roles.Put(tx, "T", directory.Role{Description: description})
			})
		}
		put("one")
		expect("created", "one", "absent")
		time.Sleep(11 * time.Second)
		expect("created, later", "one", "one")
		put("two")
		time.Sleep(5 * time.Second)
		put("three")
		expect("changed twice", "three", "one")
		time.Sleep(6 * time.Second)
		expect("first change arrived", "three", "two")
		time.Sleep(5 * time.Second)
		expect("second change arrived", "three", "three")
		put("four")
		delay = 0
		put("five")
		expect("a later change that is in force", "five", "five")
		delay = 10 * time.Second
		update(t, d, func(tx directory.Tx) error { return directory.Roles.Delete(tx, "T") })
		expect("deleted", "absent", "five")
		time.Sleep(11 * time.Second)
		expect("deleted, later", "absent", "absent")
	})
}

func TestUses(t *testing.T) {
	t.Parallel()
	d := fresh(t)
	const arn = "arn:aws:iam::111122223333:policy/p"
	role, user := directory.Entity{Kind: "role", Name: "R"}, directory.Entity{Kind: "user", Name: "U"}
	update(t, d, func(tx directory.Tx) error {
		return errors.Join(
			directory.SetUse(tx, arn, directory.Attached, role, true),
			directory.SetUse(tx, arn, directory.Attached, user, true),
			directory.SetUse(tx, arn, directory.Boundary, user, true),
			directory.SetUse(tx, arn+"2", directory.Attached, user, true),
		)
	})
	update(t, d, func(tx directory.Tx) error { return directory.SetUse(tx, arn, directory.Attached, user, false) })
	_ = d.View(func(tx directory.Tx) error {
		attached, err := directory.UsersOf(tx, arn, directory.Attached)
		if diff := cmp.Diff([]directory.Entity{role}, attached); diff != "" || err != nil {
			t.Error(diff, err)
		}
		bounded, err := directory.UsersOf(tx, arn, directory.Boundary)
		if diff := cmp.Diff([]directory.Entity{user}, bounded); diff != "" || err != nil {
			t.Error(diff, err)
		}
		return nil
	})
}

func FuzzToken(f *testing.F) {
	db, err := state.Open(filepath.Join(f.TempDir(), "state.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	d, err := directory.Open(db, account, nil)
	if err != nil {
		f.Fatal(err)
	}
	role := directory.Role{Principal: directory.Principal{Name: "T", ID: "AROAXXXXXXXXXXXXXXXXX"}}
	if err := d.Update(func(tx directory.Tx) error { return directory.CreateRole(tx, role) }); err != nil {
		f.Fatal(err)
	}
	creds, err := d.IssueSession(session(role, 24*time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ASIAAAAAAAAAAAAAAAAA", "")
	f.Add("ASIAAAAAAAAAAAAAAAAA", creds.SessionToken)
	f.Add(creds.AccessKeyID, creds.SessionToken[1:])
	f.Fuzz(func(t *testing.T, key, token string) {
		if key == creds.AccessKeyID && token == creds.SessionToken {
			return
		}
		if _, _, err := d.Lookup(t.Context(), key, token); err == nil {
			t.Errorf("key %q with token %q was accepted", key, token)
		}
	})
}
