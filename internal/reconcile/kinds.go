package reconcile

import (
	"slices"

	"github.com/managedcas/managedcas/internal/registry"
)

// kind is what a step is about, in words that name nothing of AWS's: metrics, conditions
// and events have it.
func kind(s Step) string {
	switch s.(type) {
	case CreateSessionPolicy, ReplaceSessionPolicy, DeleteSessionPolicy, SaveSharedPolicy:
		return "session policy"
	case CreateAccessPoint, DeleteAccessPoint:
		return "access point"
	case PutAccessPointPolicy, CloseAccessPoint:
		return "access point policy"
	case SaveSecret, DeleteSecret:
		return "coordinates"
	case RetainObjects, RenewRetention:
		return "retention"
	}
	return "storage backend"
}

func kindsOf(plan []Step) []string {
	var kinds []string
	for _, s := range plan {
		if k := kind(s); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// affected returns the conditions that a plan shows to be false.
func affected(plan []Step) []registry.ConditionType {
	var missing, different bool
	for _, s := range plan {
		switch s.(type) {
		case CreateSessionPolicy, CreateAccessPoint, SaveBackend:
			missing = true
		default:
			different = true
		}
	}
	var types []registry.ConditionType
	if missing {
		types = append(types, registry.Provisioned)
	}
	if different {
		types = append(types, registry.PolicyInSync)
	}
	return types
}

// reachChanges reports whether a plan changes what sessions can do.
func reachChanges(plan []Step) bool {
	return slices.ContainsFunc(plan, func(s Step) bool {
		_, backend := s.(SaveBackend)
		return !backend
	})
}
