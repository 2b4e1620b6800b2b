package directory

import "github.com/managedcas/managedcas/internal/emulator/state"

// Table is a table of records whose changes are seen at once.
type Table[V any] string

// AccessKeys is keyed by access key id.
const AccessKeys Table[AccessKey] = "iam/access-keys"

const (
	accounts    Table[accountRecord] = "iam/accounts"
	counts      Table[int]           = "iam/counts"      // by collection
	identities  Table[Entity]        = "iam/identities"  // by unique id; outlives its entity
	attachments Table[Entity]        = "iam/attachments" // by attachmentKey
)

// accountRecord is what an account has from the start.
type accountRecord struct {
	Root       AccessKey
	SealingKey []byte
}

// Get returns the record of that key, or ErrNotFound. That of a Replica is shared and must
// not be changed, as with Collection.Get.
func (t Table[V]) Get(tx Tx, key string) (V, error) {
	if tx.replica {
		return state.Table[V](t).Shared(tx.state, key)
	}
	return state.Table[V](t).Get(tx.state, key)
}

// Put stores a record.
func (t Table[V]) Put(tx Tx, key string, v V) error {
	return state.Table[V](t).Put(tx.state, key, v)
}

// Delete removes the record of that key; one that is not there is no error.
func (t Table[V]) Delete(tx Tx, key string) error { return state.Table[V](t).Delete(tx.state, key) }
