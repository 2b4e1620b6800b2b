package cloud

import "time"

// KeyState is a KMS key as AWS describes it, in AWS's words.
type KeyState struct {
	ARN          string
	State        string // "Enabled", "Disabled", "PendingDeletion", …
	Manager      string // "CUSTOMER", "AWS"
	Spec         string // "SYMMETRIC_DEFAULT", …
	Usage        string // "ENCRYPT_DECRYPT", …
	DeletionDate time.Time
}
