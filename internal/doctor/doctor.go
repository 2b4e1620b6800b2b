// Package doctor finds out what is wrong with an installation: whether sections 1 to 4 of
// the operator's guide were done as they are written, seen from the identity that looks.
//
//   - It observes first: one pass of reading, in which everything is seen or has the reason
//     why it is not (Observation).
//   - Checks are pure functions of the installation and the observation. Policies are judged
//     by what they decide, evaluated as AWS would, and never by their text: another spelling
//     of the same policy is no finding.
//   - A canary then does what an organization will do. It can tell what reading cannot, from
//     the identity that will do it.
//   - What cannot be seen is Unseen, and no finding: a workload may not read most of this.
package doctor

import (
	"context"
	"fmt"
	"slices"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// Config is what New needs.
type Config struct {
	Installation tenancy.Installation
	Buckets      Buckets
	Settings     Settings
	Keys         Keys
	Account      Account
	Limits       Limits
	Stores       Stores // nil: they are not looked at
	Caller       Caller
	As           Workload                 // that the process ought to be; empty: nobody says
	Environment  func(name string) string // os.Getenv
	Roles        Roles
	// AccessPointPolicies are read of a few organizations.
	AccessPointPolicies AccessPointPolicies
}

// Doctor examines one installation. It is safe for concurrent use.
type Doctor struct{ cfg Config }

// New returns a Doctor. It makes no request.
func New(cfg Config) *Doctor { return &Doctor{cfg} }

// check is one entry of the catalogue: what it looks at, and what is wrong there.
type check struct {
	name  string
	title string
	// look returns what is wrong, and why nothing could be seen.
	look func(Observation) ([]Finding, error)
}

// checks are all that read AWS but callerChecks and reachChecks, in the order of the operator's guide.
func checks() []check {
	return slices.Concat(
		bucketChecks(),
		keyChecks(),
		baseRoleChecks(),
		workloadChecks(),
		purgeRoleChecks(),
		sessionChecks(),
		accountChecks(),
	)
}

// Examine observes and checks. It changes nothing.
func (d *Doctor) Examine(ctx context.Context) Report {
	o := d.observe(ctx)
	var report Report
	for _, c := range slices.Concat(callerChecks(), reachChecks()) {
		report.Results = append(report.Results, c.result(o))
	}
	for _, c := range checks() {
		if o.silent != nil {
			report.Results = append(report.Results, Result{Check: c.name, Title: c.title, Status: Unseen, Detail: fmt.Sprint(o.silent)})
			continue
		}
		report.Results = append(report.Results, c.result(o))
	}
	for _, c := range storeChecks() {
		report.Results = append(report.Results, c.result(o))
	}
	return report
}

func (c check) result(o Observation) Result {
	findings, unseen := c.look(o)
	r := Result{Check: c.name, Title: c.title, Status: OK, Findings: findings, Detail: o.detail(c.name)}
	if unseen != nil {
		r.Status, r.Detail = Unseen, fmt.Sprint(unseen)
	}
	for _, f := range findings {
		if f.Status.Worse(r.Status) {
			r.Status = f.Status
		}
	}
	return r
}

// detail is what a check has seen, where an operator wants to know it though all is well.
func (o Observation) detail(check string) string {
	if check == "caller/role" {
		return o.who()
	}
	return ""
}
