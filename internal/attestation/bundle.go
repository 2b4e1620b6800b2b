// Package attestation reads what clients attest: the Sigstore bundles that they push, and
// the contracts that say what is to be in them. It does no input or output.
//
// A bundle is held against its form and against the run that it is pushed for. Signatures
// are not verified: their keys are the clients' own.
package attestation

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/managedcas/managedcas/internal/digest"
)

const (
	// bundleMediaType is how the media types of all versions of bundles begin
	// (sigstore/protobuf-specs, sigstore_bundle.proto).
	bundleMediaType = "application/vnd.dev.sigstore.bundle"
	// payloadType and statementType are those of in-toto statements
	// (in-toto/attestation, spec/v1).
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	// predicatePrefix begins the types of the predicates that are read here.
	predicatePrefix = "chainloop.dev/attestation/"
)

// ErrBundle is what every failure of ParseBundle wraps.
var ErrBundle = errors.New("not an attestation bundle")

// Bundle is what a bundle says, as far as the server asks.
type Bundle struct {
	PredicateType string
	// Run is the id of the run that it is for; empty: it does not say.
	Run string
	// Uploaded are the materials that it says are stored, each once.
	Uploaded []digest.Digest
}

type bundleDocument struct {
	MediaType            string           `json:"mediaType"`
	VerificationMaterial *json.RawMessage `json:"verificationMaterial"`
	Envelope             *envelope        `json:"dsseEnvelope"`
}

// envelope is a DSSE envelope (secure-systems-lab/dsse, envelope.md).
type envelope struct {
	Payload     []byte `json:"payload"`
	PayloadType string `json:"payloadType"`
	Signatures  []struct {
		Sig []byte `json:"sig"`
	} `json:"signatures"`
}

type statement struct {
	Type          string          `json:"_type"`
	Subject       []struct{}      `json:"subject"` // how many: what they are takes no memory
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

type predicate struct {
	Metadata struct {
		Run string `json:"workflowRunID"`
	} `json:"metadata"`
	Materials []struct {
		Digest struct {
			SHA256 string `json:"sha256"`
		} `json:"digest"`
		Annotations struct {
			Uploaded any `json:"chainloop.material.cas"`
		} `json:"annotations"`
	} `json:"materials"`
}

// ParseBundle reads a Sigstore bundle with an in-toto statement in it.
func ParseBundle(raw []byte) (Bundle, error) {
	var document bundleDocument
	if err := json.Unmarshal(raw, &document); err != nil {
		return Bundle{}, fmt.Errorf("%w: no JSON of a Sigstore bundle: %w", ErrBundle, err)
	}
	switch e := document.Envelope; {
	case !strings.HasPrefix(document.MediaType, bundleMediaType):
		return Bundle{}, fmt.Errorf("%w: its media type is %.80q", ErrBundle, document.MediaType)
	case document.VerificationMaterial == nil:
		return Bundle{}, fmt.Errorf("%w: it has no verificationMaterial", ErrBundle)
	case e == nil:
		return Bundle{}, fmt.Errorf("%w: it has no dsseEnvelope", ErrBundle)
	case e.PayloadType != payloadType:
		return Bundle{}, fmt.Errorf("%w: the type of its payload is %.80q", ErrBundle, e.PayloadType)
	case len(e.Signatures) == 0:
		return Bundle{}, fmt.Errorf("%w: it is not signed", ErrBundle)
	}
	for _, s := range document.Envelope.Signatures {
		if len(s.Sig) == 0 {
			return Bundle{}, fmt.Errorf("%w: a signature is empty", ErrBundle)
		}
	}
	return parseStatement(document.Envelope.Payload)
}

func parseStatement(raw []byte) (Bundle, error) {
	var s statement
	if err := json.Unmarshal(raw, &s); err != nil {
		return Bundle{}, fmt.Errorf("%w: its payload is no JSON of an in-toto statement: %w", ErrBundle, err)
	}
	switch {
	case s.Type != statementType:
		return Bundle{}, fmt.Errorf("%w: the type of its statement is %.80q", ErrBundle, s.Type)
	case len(s.Subject) == 0:
		return Bundle{}, fmt.Errorf("%w: its statement is about nothing", ErrBundle)
	case s.PredicateType == "" || len(s.PredicateType) > maxPredicateType:
		return Bundle{}, fmt.Errorf("%w: its predicateType has %d bytes: 1 to %d", ErrBundle, len(s.PredicateType), maxPredicateType)
	case strings.ContainsFunc(s.PredicateType, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Bundle{}, fmt.Errorf("%w: its predicateType has characters that cannot be printed", ErrBundle)
	}
	bundle := Bundle{PredicateType: s.PredicateType}
	if !strings.HasPrefix(s.PredicateType, predicatePrefix) {
		return bundle, nil
	}
	var p predicate
	if err := json.Unmarshal(s.Predicate, &p); err != nil {
		return Bundle{}, fmt.Errorf("%w: its predicate is none of %s: %w", ErrBundle, predicatePrefix, err)
	}
	bundle.Run = p.Metadata.Run
	seen := map[digest.Digest]bool{}
	for _, m := range p.Materials {
		if m.Annotations.Uploaded != true {
			continue
		}
		d, err := digest.ParseHex(m.Digest.SHA256)
		if err != nil {
			return Bundle{}, fmt.Errorf("%w: an uploaded material: %w", ErrBundle, err)
		}
		if !seen[d] {
			seen[d] = true
			bundle.Uploaded = append(bundle.Uploaded, d)
		}
	}
	return bundle, nil
}

// maxPredicateType bounds what a record repeats of a bundle.
const maxPredicateType = 256
