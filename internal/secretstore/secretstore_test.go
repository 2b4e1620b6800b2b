package secretstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// documents is a database as far as the driver needs one.
type documents map[org.ID]string

func (d documents) PutSecret(_ context.Context, id org.ID, name string, document []byte) error {
	d[id] = string(document)
	return nil
}

func (d documents) Secret(_ context.Context, id org.ID, name string) ([]byte, error) {
	if document, ok := d[id]; ok {
		return []byte(document), nil
	}
	return nil, registry.ErrNotFound
}

func (d documents) DeleteSecret(_ context.Context, id org.ID, name string) error {
	delete(d, id)
	return nil
}

func good() tenancy.Coordinates {
	return tenancy.Coordinates{
		AccessPointARN:   "arn:aws:s3:eu-west-1:111122223333:accesspoint/chainloop-0b6c1f0e-3d0a-4d0b-9d4d-6a3f6f1f2a11",
		Region:           "eu-west-1",
		BaseRoleARN:      "arn:aws:iam::111122223333:role/cas-base",
		SessionPolicyARN: "arn:aws:iam::111122223333:policy/cas-0b6c1f0e-3d0a-4d0b-9d4d-6a3f6f1f2a11",
	}
}

func TestDocumentLimit(t *testing.T) {
	t.Parallel()
	document, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	longest := string(document) + strings.Repeat(" ", secretstore.MaxDocument-len(document))
	id := org.NewID()
	if got, err := secretstore.NewDatabase(documents{id: longest}).Coordinates(t.Context(), id); err != nil || got != good() {
		t.Errorf("at the limit: %v, %v", got, err)
	}
	if _, err := secretstore.NewDatabase(documents{id: longest + " "}).Coordinates(t.Context(), id); !errors.Is(err, secretstore.ErrMalformed) {
		t.Errorf("one byte more: %v, want ErrMalformed", err)
	}
}

func TestI11_onlyARNsAreStored(t *testing.T) {
	t.Parallel()
	const credential = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	for _, tc := range []struct {
		name   string
		tamper func(*tenancy.Coordinates)
	}{
		{"secret key as access point", func(c *tenancy.Coordinates) { c.AccessPointARN = credential }},
		{"secret key as Region", func(c *tenancy.Coordinates) { c.Region = credential }},
		{"secret key behind a role", func(c *tenancy.Coordinates) { c.BaseRoleARN += " " + credential }},
		{"bucket instead of access point", func(c *tenancy.Coordinates) { c.AccessPointARN = "arn:aws:s3:::bucket" }},
		{"object behind the access point", func(c *tenancy.Coordinates) { c.AccessPointARN += "/object/*" }},
		{"user instead of role", func(c *tenancy.Coordinates) { c.BaseRoleARN = "arn:aws:iam::111122223333:user/eve" }},
		{"no session policy (I2)", func(c *tenancy.Coordinates) { c.SessionPolicyARN = "" }},
		{"policy of AWS", func(c *tenancy.Coordinates) { c.SessionPolicyARN = "arn:aws:iam::aws:policy/AdministratorAccess" }},
		{"policy of another account", func(c *tenancy.Coordinates) {
			c.SessionPolicyARN = strings.Replace(c.SessionPolicyARN, "111122223333", "444455556666", 1)
		}},
		{"role of another partition", func(c *tenancy.Coordinates) { c.BaseRoleARN = "arn:aws-cn:iam::111122223333:role/cas-base" }},
		{"another Region", func(c *tenancy.Coordinates) { c.Region = "eu-west-2" }},
		{"line break", func(c *tenancy.Coordinates) { c.BaseRoleARN += "\n" }},
	} {
		db := documents{}
		store, id := secretstore.NewDatabase(db), org.NewID()
		c := good()
		tc.tamper(&c)
		err := store.PutCoordinates(t.Context(), id, c)
		if !errors.Is(err, secretstore.ErrMalformed) || len(db) != 0 {
			t.Errorf("%s: %v, stored %v; want ErrMalformed and nothing", tc.name, err, db)
		}
		if err != nil && strings.Contains(err.Error(), credential) {
			t.Errorf("%s: the error quotes the value: %v", tc.name, err)
		}
		// The same written by hand is refused on the way out.
		document, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		db[id] = string(document)
		if _, err := store.Coordinates(t.Context(), id); !errors.Is(err, secretstore.ErrMalformed) {
			t.Errorf("%s: read: %v, want ErrMalformed", tc.name, err)
		}
	}
}

func TestI11_nothingElseIsRead(t *testing.T) {
	t.Parallel()
	document, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	for name, tampered := range map[string]string{
		"a fifth field":    strings.Replace(string(document), "{", `{"SecretAccessKey":"x",`, 1),
		"a second value":   string(document) + "{}",
		"a list":           "[" + string(document) + "]",
		"nothing":          "",
		"null":             "null",
		"a huge one":       string(document) + strings.Repeat(" ", 1<<15),
		"a field's number": strings.Replace(string(document), `"eu-west-1"`, "1", 1),
	} {
		id := org.NewID()
		_, err := secretstore.NewDatabase(documents{id: tampered}).Coordinates(t.Context(), id)
		if !errors.Is(err, secretstore.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func FuzzDocument(f *testing.F) {
	document, err := json.Marshal(good())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(document))
	f.Add(string(document) + " {}")
	f.Add(strings.Replace(string(document), "{", `{"SecretAccessKey":"x",`, 1))
	f.Add(strings.Repeat("[", 1<<15))
	f.Add("")
	f.Fuzz(func(t *testing.T, document string) {
		db, id := documents{}, org.NewID()
		store := secretstore.NewDatabase(db)
		db[id] = document
		c, err := store.Coordinates(t.Context(), id)
		if err != nil {
			if !errors.Is(err, secretstore.ErrMalformed) {
				t.Fatalf("unclassified: %v", err)
			}
			return
		}
		// What can be read can be stored.
		if err := store.PutCoordinates(t.Context(), id, c); err != nil {
			t.Fatal(err)
		}
	})
}
