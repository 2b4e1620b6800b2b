// Package idtoken reads the claims of ID tokens by the very names that they have.
//
// Go's encoding/json takes "SUB", and even "ſub", for "sub", and of two that are the same
// the last one. Whoever may choose the name of a claim at a provider, such as an attribute
// of their own profile, could so say who they are. JSON Web Tokens have names that are
// compared as they are, and once each (RFC 7519 §4, §10.1).
package idtoken

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/json" // by exact names, and duplicates are errors
)

// ours are the claims that are read anywhere, and by go-oidc.
var ours = []string{
	"iss", "sub", "aud", "azp", "exp", "nbf", "iat", "nonce", "at_hash", "email", "email_verified", "name", "given_name", "family_name",
	"_claim_names", "_claim_sources",
}

// Claims returns the claims of a payload whose signature is good. Numbers are json.Number:
// as floats, two large ones could be the same.
func Claims(payload []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.SetNumberType(json.UnmarshalJSONNumber)
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		return nil, errors.New("claims that cannot be read, or one that is there twice") // the error may quote them
	}
	for name := range claims {
		if exact := folded(name); exact != name && slices.Contains(ours, exact) {
			return nil, fmt.Errorf("a claim that could be taken for %s", exact)
		}
	}
	return claims, nil
}

// folded is what names are that encoding/json takes for the same: upper case first makes an
// s of ſ, and lower case a k of the sign for kelvin.
func folded(name string) string { return strings.ToLower(strings.ToUpper(name)) }
