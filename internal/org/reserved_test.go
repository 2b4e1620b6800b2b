package org

import (
	"errors"
	"testing"
)

// TestReservedNames: a name that is reserved is given to nobody new, and its neighbours are.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	for _, name := range reserved {
		if _, err := ParseNewName(string(name)); !errors.Is(err, ErrName) {
			t.Errorf("%s: %v, want ErrName", name, err)
		}
		if got, err := ParseName(string(name)); err != nil || got != name {
			t.Errorf("%s, which somebody has already: %q, %v", name, got, err)
		}
		if got, err := ParseNewName(string(name) + "-1"); err != nil || got != name+"-1" {
			t.Errorf("%s-1: %q, %v", name, got, err)
		}
	}
	if _, err := ParseNewName("Acme"); !errors.Is(err, ErrName) {
		t.Errorf("what is no name at all: %v", err)
	}
}
