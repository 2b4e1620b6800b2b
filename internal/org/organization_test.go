package org_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/org"
)

// The rules of a DNS label: RFC 1123 §2.1, RFC 1035 §2.3.4.
func TestParseName(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		says string // empty: accepted
	}{
		"letter":              {"a", ""},
		"digit":               {"1", ""},
		"label":               {"acme-eu-1", ""},
		"two hyphens":         {"acme--eu", ""},
		"63 characters":       {strings.Repeat("a", 63), ""},
		"64 characters":       {strings.Repeat("a", 64), "63 are allowed"},
		"empty":               {"", "empty"},
		"uppercase":           {"Acme", "lowercase"},
		"leading hyphen":      {"-acme", "inner hyphens"},
		"trailing hyphen":     {"acme-", "inner hyphens"},
		"hyphen alone":        {"-", "inner hyphens"},
		"dot":                 {"acme.eu", "lowercase"},
		"underscore":          {"acme_eu", "lowercase"},
		"space":               {"acme eu", "lowercase"},
		"newline":             {"acme\n", "lowercase"},
		"slash":               {"acme/eu", "lowercase"},
		"letter not in ASCII": {"ácme", "lowercase"},
		"an id":               {"3f0c8b1e-5b1c-4c56-9c5e-7d2f4a1b6c8d", "is an id"},
		"nearly an id":        {"3f0c8b1e-5b1c-4c56-9c5e-7d2f4a1b6c8g", ""},
	} {
		got, err := org.ParseName(test.text)
		if test.says == "" {
			if err != nil || string(got) != test.text {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
			continue
		}
		if !errors.Is(err, org.ErrName) || !strings.Contains(err.Error(), test.says) || got != "" {
			t.Errorf("%s: got %q, %v, want an error that says %q", name, got, err, test.says)
		}
	}
}

// Every pair of states, so that no transition appears or vanishes unnoticed.
func TestTransitions(t *testing.T) {
	t.Parallel()
	states := []org.State{org.Pending, org.Ready, org.Degraded, org.Deleting, org.Deleted}
	legal := map[org.State]string{
		org.Pending:  "pending ready degraded deleting",
		org.Ready:    "pending ready degraded deleting",
		org.Degraded: "pending ready degraded deleting",
		org.Deleting: "pending deleting deleted",
		org.Deleted:  "pending deleted",
	}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later := created.Add(time.Hour)
	for _, from := range states {
		for _, to := range states {
			before := org.Organization{ID: org.NewID(), Name: "acme", State: from, Reason: "before", CreatedAt: created, UpdatedAt: created}
			after, err := before.To(to, "why", later)
			want := before
			if strings.Contains(" "+legal[from]+" ", " "+string(to)+" ") {
				want.State, want.Reason, want.UpdatedAt = to, "why", later
				if err != nil {
					t.Errorf("%s to %s: %v", from, to, err)
				}
			} else if !errors.Is(err, org.ErrTransition) {
				t.Errorf("%s to %s: got %v", from, to, err)
			}
			if diff := cmp.Diff(want, after, cmp.Comparer(func(a, b org.ID) bool { return a == b })); diff != "" {
				t.Errorf("%s to %s (-want +got):\n%s", from, to, diff)
			}
		}
	}
	for _, to := range []org.State{"", "paused", "Ready"} {
		if _, err := (org.Organization{State: org.Ready}).To(to, "", later); !errors.Is(err, org.ErrTransition) {
			t.Errorf("ready to %q: got %v", to, err)
		}
	}
}

func TestUsable(t *testing.T) {
	t.Parallel()
	for state, want := range map[org.State]bool{
		org.Pending: false, org.Ready: true, org.Degraded: true, org.Deleting: false, org.Deleted: false, "": false,
	} {
		if got := (org.Organization{State: state}).Usable(); got != want {
			t.Errorf("%q: usable %t, want %t", state, got, want)
		}
	}
}
