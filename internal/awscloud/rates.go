package awscloud

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/managedcas/managedcas/internal/cloud"
)

// api names one API: service "iam", operation "CreatePolicy".
type api struct{ service, operation string }

// Rates are the token buckets of the control-plane APIs: every operation of IAM, S3
// Control, STS and KMS has its own. S3 has none, for its transfers have limits of their
// own. One Rates is shared by all Clouds of a process.
type Rates struct {
	configured map[string]cloud.Rate

	mu     sync.Mutex
	pacers map[api]*pacer
}

// The defaults. AWS gives an account 600 calls of STS a second in each Region (facts AWS
// §4.7); a process takes a third. What IAM and S3 Control take is not published: writes
// "low, bursts of tens" (§5), access points "single digits to tens" (§1.3).
func defaultRate(of api) cloud.Rate {
	switch {
	case of.service == "sts":
		return cloud.Rate{PerSecond: 200, Burst: 200}
	case reads(of.operation):
		return cloud.Rate{PerSecond: 10, Burst: 20}
	}
	return cloud.Rate{PerSecond: 3, Burst: 10}
}

func reads(operation string) bool {
	return strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Describe")
}

// paced lists the operations that this package calls, by service.
func paced() map[string][]string {
	return map[string][]string{
		"iam": {
			"CreatePolicy", "CreatePolicyVersion", "CreateRole", "DeletePolicy", "DeletePolicyVersion", "DeleteRole", "DeleteRolePolicy", "GetAccountSummary",
			"GetPolicy", "GetPolicyVersion", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListPolicies", "ListPolicyVersions", "ListRolePolicies",
			"PutRolePolicy", "UpdateAssumeRolePolicy", "UpdateRole",
		},
		"s3control": {
			"CreateAccessPoint", "DeleteAccessPoint", "GetAccessPoint", "GetAccessPointPolicy", "ListAccessPoints", "PutAccessPointPolicy",
		},
		"sts": {"AssumeRole", "GetCallerIdentity"},
		"kms": {
			"CreateAlias", "CreateKey", "DescribeKey", "EnableKeyRotation", "GetKeyPolicy", "GetKeyRotationStatus", "PutKeyPolicy", "ScheduleKeyDeletion",
		},
	}
}

const (
	minPerSecond, maxPerSecond = 0.01, 10_000
	maxBurst                   = 10_000
)

// NewRates returns the default rates but for those configured, by "service" (every
// operation of it) or "service.Operation", as in "iam.CreatePolicy".
func NewRates(configured map[string]cloud.Rate) (*Rates, error) {
	known := paced()
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		service, operation, one := strings.Cut(name, ".")
		switch operations, ok := known[service]; {
		case !ok:
			return nil, fmt.Errorf("rate %q: want SERVICE or SERVICE.OPERATION, and SERVICE one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case one && !slices.Contains(operations, operation):
			return nil, fmt.Errorf("rate %q: of %s, there are %s", name, service, strings.Join(operations, ", "))
		}
		switch r := configured[name]; {
		case !(r.PerSecond >= minPerSecond && r.PerSecond <= maxPerSecond): // NaN is neither
			return nil, fmt.Errorf("rate %q: perSecond is %v: %v to %d", name, r.PerSecond, minPerSecond, maxPerSecond)
		case r.Burst < 0 || r.Burst > maxBurst:
			return nil, fmt.Errorf("rate %q: burst is %d: 1 to %d, or 0 for what two seconds hold", name, r.Burst, maxBurst)
		}
	}
	return &Rates{configured: configured, pacers: map[api]*pacer{}}, nil
}

// of returns the pacer of an API; nil for one that is not paced.
func (r *Rates) of(a api) *pacer {
	if !isPaced(a.service) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.pacers[a]
	if !ok {
		p = newPacer(r.rate(a))
		r.pacers[a] = p
	}
	return p
}

func isPaced(service string) bool {
	switch service {
	case "iam", "s3control", "sts", "kms":
		return true
	}
	return false
}

func (r *Rates) rate(a api) cloud.Rate {
	chosen, ok := r.configured[a.service+"."+a.operation]
	if !ok {
		chosen, ok = r.configured[a.service]
	}
	if !ok {
		chosen = defaultRate(a)
	}
	if chosen.Burst == 0 {
		chosen.Burst = max(1, min(maxBurst, int(math.Ceil(2*chosen.PerSecond))))
	}
	return chosen
}

// current calls f with the rate of every API that was called so far.
func (r *Rates) current(f func(a api, perSecond float64)) {
	r.mu.Lock()
	pacers := maps.Clone(r.pacers)
	r.mu.Unlock()
	for a, p := range pacers {
		f(a, p.current())
	}
}
