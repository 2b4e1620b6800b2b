package org

import (
	"fmt"
	"slices"
)

// reserved are names that mean something else where the name of an organization can stand:
// a page of the web interface, or "all of them" and "none" to whoever reads a command.
// Products' names stay free: it is the operator who gives names here.
var reserved = []Name{"all", "deleted", "instance", "invitations", "login", "logout", "me", "new", "none", "settings"}

// ParseNewName is ParseName for an organization that is to get the name. Organizations that
// have one of the reserved names already keep it.
func ParseNewName(s string) (Name, error) {
	name, err := ParseName(s)
	if err == nil && slices.Contains(reserved, name) {
		return "", fmt.Errorf("%w: %q is reserved", ErrName, s)
	}
	return name, err
}
