// Package secretstore keeps where each organization's artifacts are in AWS, apart
// from everything that an API shows.
//
// Invariants:
//   - What is stored is resource names and a Region. Anything else, credentials above
//     all, is refused on the way in and on the way out (DESIGN I11).
//   - A document is found by the organization alone. Whether its content belongs to
//     that organization is for the reader to check: it can derive what it must be.
//   - It is read when a session is minted, and never while one is kept.
//
// The drivers are in files of their own: database.go, vault.go, aws.go.
package secretstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"

	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// maxDocument bounds a document, in bytes. Four ARNs at their longest are a third.
const maxDocument = 16 << 10

// ErrMalformed means that a document is not one of coordinates: it was damaged,
// somebody wrote to the store by hand, or something tried to keep a credential here. It
// is a session.ErrCoordinates: the reconciler writes the document anew.
var ErrMalformed = fmt.Errorf("%w: not a document of tenant coordinates", session.ErrCoordinates)

// The shapes of the ARNs in a document (facts AWS §1.1, WIRE §9). The first group is
// the partition, the second the Region of an access point, the last the account.
var (
	accessPointARN = regexp.MustCompile(`^arn:(aws[a-z-]*):s3:([a-z0-9-]+):(\d{12}):accesspoint/[a-z0-9-]{3,50}$`)
	roleARN        = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::(\d{12}):role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	policyARN      = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::(\d{12}):policy/[A-Za-z0-9+=,.@_/-]{1,512}$`)
)

// encode checks coordinates and returns their document: JSON with the field names
// that other makers of such systems use as well (facts WIRE §9).
func encode(c tenancy.Coordinates) ([]byte, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	document, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode coordinates: %w", err)
	}
	return document, nil
}

// decode reads a document. Unknown fields are refused: there is nothing else that
// may be kept.
func decode(document []byte) (tenancy.Coordinates, error) {
	if len(document) > maxDocument {
		return tenancy.Coordinates{}, fmt.Errorf("%w: it has %d bytes", ErrMalformed, len(document))
	}
	var c tenancy.Coordinates
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		// The decoder's error may quote the document.
		return tenancy.Coordinates{}, fmt.Errorf("%w: it is not the JSON of four strings", ErrMalformed)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return tenancy.Coordinates{}, fmt.Errorf("%w: something follows it", ErrMalformed)
	}
	return c, check(c)
}

// check refuses coordinates that are not ARNs of one account. Its errors name the
// field and never quote the value, which may be somebody's secret.
func check(c tenancy.Coordinates) error {
	ap := accessPointARN.FindStringSubmatch(c.AccessPointARN)
	role := roleARN.FindStringSubmatch(c.BaseRoleARN)
	policy := policyARN.FindStringSubmatch(c.SessionPolicyARN)
	switch {
	case ap == nil:
		return fmt.Errorf("%w: AccessPointARN is not the ARN of an access point", ErrMalformed)
	case role == nil:
		return fmt.Errorf("%w: BaseRoleARN is not the ARN of a role", ErrMalformed)
	case policy == nil:
		// No session without its policy (DESIGN I2): a document without one is useless.
		return fmt.Errorf("%w: SessionPolicyARN is not the ARN of a managed policy", ErrMalformed)
	case c.Region != ap[2]:
		return fmt.Errorf("%w: Region is not the access point's", ErrMalformed)
	case role[1] != ap[1] || policy[1] != ap[1] || role[2] != ap[3] || policy[2] != ap[3]:
		return fmt.Errorf("%w: the ARNs are not of one account", ErrMalformed)
	}
	return nil
}
