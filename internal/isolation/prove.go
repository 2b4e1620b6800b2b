package isolation

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Attempt is one thing that somebody tries.
type Attempt struct {
	Actor  string `json:"actor"`
	Action string `json:"action"` // "s3:GetObject"
	Route  string `json:"route"`  // "own access point", "bucket", "STS", …
	Target string `json:"target"` // key, prefix, ARN, or what is asked of STS
	// Owned says that the target is the actor's own: what is tried is the way to it.
	Owned bool `json:"owned,omitempty"`
}

func (a Attempt) compare(b Attempt) int {
	return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Action, b.Action),
		cmp.Compare(a.Route, b.Route), cmp.Compare(a.Target, b.Target))
}

// Row is one attempt under one knock-out.
type Row struct {
	Missing   Layer        `json:"missing"`
	Attempt   Attempt      `json:"attempt"`
	MustAllow bool         `json:"mustAllow"` // what is one's own; anything else must be denied
	Decision  iam.Decision `json:"decision"`
}

// Holds reports whether the scheme did what it must.
func (r Row) Holds() bool { return r.Decision.Allowed() == r.MustAllow }

// Report is the outcome of a proof, in a stable order.
type Report struct{ Rows []Row }

// Failures returns the rows that do not hold: none, if the proof succeeded.
func (r Report) Failures() []Row {
	var failures []Row
	for _, row := range r.Rows {
		if !row.Holds() {
			failures = append(failures, row)
		}
	}
	return failures
}

// Tally counts what a proof tried with one layer missing.
type Tally struct {
	Missing  Layer `json:"missing"`
	Attempts int   `json:"attempts"`
	Held     int   `json:"held"` // equal to Attempts if the proof succeeded
}

// Tallies returns one Tally for every layer that was knocked out, in order.
func (r Report) Tallies() []Tally {
	var tallies []Tally
	for _, row := range r.Rows {
		if n := len(tallies); n == 0 || tallies[n-1].Missing != row.Missing {
			tallies = append(tallies, Tally{Missing: row.Missing})
		}
		last := &tallies[len(tallies)-1]
		last.Attempts++
		if row.Holds() {
			last.Held++
		}
	}
	return tallies
}

// Options choose whom a proof is about.
type Options struct {
	// Organizations are at least two; empty: a pair whose ids differ in one digit.
	Organizations []org.ID
	// BaseRoleID is the unique id of the base role; empty: an example.
	BaseRoleID string
}

// ErrOrganizations means that a proof needs two different organizations.
var ErrOrganizations = errors.New("a proof of isolation needs at least two different organizations")

// Prove tries everything that the catalogue knows, for every ordered pair of the
// organizations and with every layer knocked out in turn. It fails only when it has
// nobody to isolate; what it finds is in the Report.
func Prove(in tenancy.Installation, opts Options) (Report, error) {
	if opts.BaseRoleID == "" {
		opts.BaseRoleID = "AROAEXAMPLE0BASE0ROLE"
	}
	return SchemeOf(in, opts.BaseRoleID).Prove(opts.Organizations...)
}

// Prove is Prove for documents of one's own, such as those found in an account.
func (s Scheme) Prove(organizations ...org.ID) (Report, error) {
	if len(organizations) == 0 {
		organizations = neighbours()
	}
	tenants, err := s.tenants(organizations)
	if err != nil {
		return Report{}, err
	}
	s.AccessPoint, s.Session = remembered(s.AccessPoint), remembered(s.Session)
	var report Report
	for _, self := range tenants {
		report.add(None, s, s.own(self), true)
		report.add(None, s, s.ownPurge(self), true)
	}
	for _, missing := range s.layers() {
		weakened := s.Without(missing)
		for _, self := range tenants {
			for _, other := range tenants {
				if self.ID() != other.ID() {
					report.add(missing, weakened, weakened.foreign(self, other, missing == NameBinding), false)
					report.add(missing, weakened, weakened.foreignPurge(self, other, missing), false)
				}
			}
		}
	}
	return report, nil
}

// remembered is of, called once for each tenant: thousands of attempts read the
// same few documents.
func remembered(of func(tenancy.Tenant) *iam.Document) func(tenancy.Tenant) *iam.Document {
	documents := map[org.ID]*iam.Document{}
	return func(t tenancy.Tenant) *iam.Document {
		d, ok := documents[t.ID()]
		if !ok {
			d = of(t)
			documents[t.ID()] = d
		}
		return d
	}
}

func (r *Report) add(missing Layer, s Scheme, trials []trial, own bool) {
	for _, t := range trials {
		r.Rows = append(r.Rows, Row{missing, t.Attempt, own, s.decide(t.actor, t.asks...)})
	}
}

func (s Scheme) tenants(organizations []org.ID) ([]tenancy.Tenant, error) {
	seen := map[org.ID]bool{}
	var tenants []tenancy.Tenant
	for _, id := range organizations {
		if id.IsZero() {
			return nil, fmt.Errorf("%w: one of them is nobody", ErrOrganizations)
		}
		if !seen[id] {
			seen[id] = true
			tenants = append(tenants, s.Installation.Tenant(id))
		}
	}
	if len(tenants) < 2 {
		return nil, ErrOrganizations
	}
	return tenants, nil
}

// neighbours is a pair of organizations whose names are as alike as names can be.
func neighbours() []org.ID {
	a, b := org.ID{}, org.ID{}
	for text, id := range map[string]*org.ID{
		"0f8fad5b-d9cb-469f-a165-708677289500": &a,
		"0f8fad5b-d9cb-469f-a165-708677289501": &b,
	} {
		if err := id.UnmarshalText([]byte(text)); err != nil {
			panic(err) // unreachable: the texts are constants
		}
	}
	return []org.ID{a, b}
}
