package s3control

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Limits of access point names and aliases (facts AWS §1.1). 50 characters, a dash
// and the 12-digit account fill a DNS label.
const (
	minName          = 3
	maxName          = 50
	maxAlias         = 63
	aliasSuffix      = "-s3alias"
	aliasMetadataLen = 34
)

// validateName applies AWS's rules for names, which no SDK checks.
func validateName(name string) error {
	if len(name) < minName || len(name) > maxName || strings.ContainsFunc(name, foreign) {
		return api.Errorf(http.StatusBadRequest, "InvalidURI", "access point names have %d to %d characters, only lowercase letters, digits and hyphens", minName, maxName)
	}
	if name[0] == '-' || name[len(name)-1] == '-' {
		return invalidRequest("an access point name must not begin or end with a hyphen")
	}
	if strings.HasSuffix(name, aliasSuffix) {
		return invalidRequest("an access point name must not end with %s, which is reserved for aliases", aliasSuffix)
	}
	return nil
}

func foreign(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
}

// newAlias makes an alias for name: its beginning, 34 random characters and the
// reserved suffix, at most 63 characters. It cannot be guessed or chosen.
func newAlias(name string) string {
	metadata := strings.ToLower(rand.Text() + rand.Text())[:aliasMetadataLen]
	room := maxAlias - len(aliasSuffix) - aliasMetadataLen - 1
	if len(name) > room {
		name = strings.TrimRight(name[:room], "-")
	}
	return name + "-" + metadata + aliasSuffix
}
