package attestation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxContractBytes bounds the document of a contract.
const MaxContractBytes = 256 << 10

const (
	contractVersion = "chainloop.dev/v1"
	contractKind    = "Contract"
)

// ErrContract is what every failure of ParseContract wraps.
var ErrContract = errors.New("not a contract")

// ErrContractTooLarge: it has more than MaxContractBytes.
var ErrContractTooLarge = fmt.Errorf("%w: it has more than %d bytes", ErrContract, MaxContractBytes)

// Contract is what the server reads of the document of a contract.
type Contract struct {
	Name string
	JSON bool // or YAML
}

type contractDocument struct {
	APIVersion string `json:"apiVersion" yaml:"apiVersion"`
	Kind       string `json:"kind" yaml:"kind"`
	Metadata   struct {
		Name string `json:"name" yaml:"name"`
	} `json:"metadata" yaml:"metadata"`
	Spec map[string]any `json:"spec" yaml:"spec"`
}

// ParseContract reads a contract in the form of apiVersion chainloop.dev/v1: the only one
// that clients understand without the server reading all of it (facts WIRE §6.2).
func ParseContract(raw []byte) (Contract, error) {
	if len(raw) > MaxContractBytes {
		return Contract{}, ErrContractTooLarge
	}
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 { // which PostgreSQL keeps in no text
		return Contract{}, fmt.Errorf("%w: it is no text", ErrContract)
	}
	var document contractDocument
	contract := Contract{JSON: bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))}
	var err error
	if contract.JSON {
		err = json.Unmarshal(raw, &document)
	} else {
		err = oneYAML(raw, &document)
	}
	if err != nil {
		return Contract{}, fmt.Errorf("%w: it is neither JSON nor YAML: %w", ErrContract, err)
	}
	switch {
	case document.APIVersion != contractVersion || document.Kind != contractKind:
		return Contract{}, fmt.Errorf("%w: it is %.40q of %.40q, want kind %s of apiVersion %s", ErrContract, document.Kind, document.APIVersion, contractKind, contractVersion)
	case !ValidName(document.Metadata.Name):
		return Contract{}, fmt.Errorf("%w: metadata.name is %.80q: %s", ErrContract, document.Metadata.Name, NameRule)
	case document.Spec == nil:
		return Contract{}, fmt.Errorf("%w: it has no spec", ErrContract)
	}
	contract.Name = document.Metadata.Name
	return contract, nil
}

// oneYAML reads a text that has one document.
func oneYAML(raw []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(into); err != nil {
		return err
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one document")
	}
	return nil
}

// EmptyContract is the least that clients accept: it asks for nothing.
func EmptyContract(name string) string {
	return `{"apiVersion":"` + contractVersion + `","kind":"` + contractKind + `","metadata":{"name":"` + name + `"},"spec":{}}`
}

// NameRule says what ValidName accepts.
const NameRule = "use 1 to 63 lowercase letters, digits and inner hyphens"

// ValidName reports whether name is a label of DNS (RFC 1123 §2.1), as the names of
// workflows, projects and contracts are.
func ValidName(name string) bool {
	return name != "" && len(name) <= 63 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		!strings.HasPrefix(name, "-") && !strings.HasSuffix(name, "-")
}
