package registry

import "time"

// ConditionType names one observable fact about an organization's storage.
type ConditionType string

// The conditions of an organization.
const (
	// Provisioned: everything that the organization should have exists.
	Provisioned ConditionType = "Provisioned"
	// PolicyInSync: its policies and coordinates are what they should be.
	PolicyInSync ConditionType = "PolicyInSync"
	// Reachable: a session of its own reaches its artifacts and no one else's. Only a
	// probe that did so says that it is true.
	Reachable ConditionType = "Reachable"
)

// ConditionTypes are all of them, in the order in which an organization comes to be.
var ConditionTypes = []ConditionType{Provisioned, PolicyInSync, Reachable}

// ConditionStatus is what is known of a condition.
type ConditionStatus string

// The statuses, as in Kubernetes.
const (
	True    ConditionStatus = "True"
	False   ConditionStatus = "False"
	Unknown ConditionStatus = "Unknown"
)

// Condition is one fact about an organization, after the conventions of Kubernetes.
type Condition struct {
	Type   ConditionType
	Status ConditionStatus
	// Reason is one word for programs, in CamelCase.
	Reason string
	// Message is one sentence for people. Clients see it: it has no AWS name.
	Message string
	// Since is when Status last changed; whoever reports a condition leaves it out.
	Since time.Time
}

// Event is something that happened to an organization. A repeat of it is counted.
type Event struct {
	Reason  string
	Message string // as of a Condition
	Count   int64
	First   time.Time
	Last    time.Time
}

// An organization keeps its newest MaxEvents events of the last MaxEventAge.
const (
	MaxEvents   = 200
	MaxEventAge = 90 * 24 * time.Hour
)

// Probes is how the probes of an organization went so far.
type Probes struct {
	// Streak is how many succeeded in a row, since anything was changed.
	Streak int
	// Failing is when the first of those failed that failed since the last success; zero:
	// the last one did not fail.
	Failing time.Time
	// Next is when the next one is due.
	Next time.Time
}
