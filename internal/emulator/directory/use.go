package directory

import (
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Use says how an entity uses a managed policy.
type Use string

// The uses of a managed policy. Passing it to AssumeRole is not a use: the policy
// can be deleted all the same (facts AWS §5).
const (
	Attached Use = "attached"
	Boundary Use = "boundary"
)

// SetUse records that an entity uses, or no longer uses, a managed policy.
func SetUse(tx Tx, policyARN string, use Use, e Entity, used bool) error {
	key := usePrefix(policyARN, use) + e.Kind + "/" + strings.ToLower(e.Name)
	if !used {
		return attachments.Delete(tx, key)
	}
	return attachments.Put(tx, key, e)
}

// UsersOf returns who uses a managed policy, in order of kind and name.
func UsersOf(tx Tx, policyARN string, use Use) ([]Entity, error) {
	prefix := usePrefix(policyARN, use)
	var entities []Entity
	err := state.Table[Entity](attachments).Scan(tx.state, prefix, func(key string, e Entity) (bool, error) {
		if !strings.HasPrefix(key, prefix) {
			return false, nil
		}
		entities = append(entities, e)
		return true, nil
	})
	return entities, err
}

func usePrefix(policyARN string, use Use) string { return policyARN + "\x00" + string(use) + "\x00" }
