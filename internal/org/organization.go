package org

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxNameLength is the longest organization name, in characters: a DNS-1123 label.
const MaxNameLength = 63

// ErrName is what every failure of ParseName wraps.
var ErrName = errors.New("not an organization name")

// Name is the human name of an organization: a DNS-1123 label of 1 to 63
// characters that is no ID, unique in its installation. It never becomes part of an AWS name.
type Name string

// ParseName checks s and returns it as a Name. The error says which rule it breaks.
func ParseName(s string) (Name, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("%w: it is empty", ErrName)
	case len(s) > MaxNameLength:
		return "", fmt.Errorf("%w: it has %d characters, %d are allowed", ErrName, len(s), MaxNameLength)
	}
	for i := range len(s) {
		c := s[i]
		alphanumeric := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		switch {
		case alphanumeric:
		case c == '-' && i > 0 && i < len(s)-1:
		default:
			return "", fmt.Errorf("%w: %q: use lowercase letters, digits and inner hyphens (a DNS-1123 label)", ErrName, s)
		}
	}
	if _, err := ParseID(s); err == nil {
		return "", fmt.Errorf("%w: %q is an id, and commands that take either could not tell it from another organization's", ErrName, s)
	}
	return Name(s), nil
}

// State is where an organization stands in its life.
type State string

// The states of an organization, in the order of its life.
const (
	// Pending: the row exists; the backend has not finished its AWS objects.
	Pending State = "pending"
	// Ready: access point, policies, storage backend and secret are all in place.
	Ready State = "ready"
	// Degraded: something that the reconciler will not repair by itself is wrong.
	Degraded State = "degraded"
	// Deleting: no new sessions; what exists in AWS is being taken away.
	Deleting State = "deleting"
	// Deleted: nothing is left in AWS but, during retention, its objects.
	Deleted State = "deleted"
)

// transitions lists, for every state, the states that may follow it.
var transitions = map[State][]State{
	Pending:  {Ready, Degraded, Deleting},
	Ready:    {Degraded, Pending, Deleting},
	Degraded: {Ready, Pending, Deleting},
	Deleting: {Deleted, Pending}, // Pending: undeleted within its retention
	Deleted:  {Pending},
}

// ErrTransition is what a refused change of state wraps.
var ErrTransition = errors.New("illegal organization state transition")

// Organization is a tenant of the installation.
type Organization struct {
	ID        ID
	Name      Name
	State     State
	Reason    string // why it is Degraded; empty otherwise
	CreatedAt time.Time
	UpdatedAt time.Time
}

// To returns the organization in state next, or ErrTransition when its life does
// not allow that. Staying in a state is always allowed; the reason may change.
func (o Organization) To(next State, reason string, now time.Time) (Organization, error) {
	if next != o.State && !slices.Contains(transitions[o.State], next) {
		return o, fmt.Errorf("%w: %s is %s and cannot become %s", ErrTransition, o.Name, o.State, next)
	}
	o.State, o.Reason, o.UpdatedAt = next, reason, now
	return o, nil
}

// Usable reports whether sessions may be minted for the organization. A degraded
// one keeps working as far as AWS lets it; one that is being deleted does not.
func (o Organization) Usable() bool { return o.State == Ready || o.State == Degraded }
