package iam

import (
	"fmt"
	"strings"
)

// maxCachedBytes bounds the texts that a policyCache holds. Parsed, they take a few
// times as much.
const maxCachedBytes = 8 << 20

// policyCache parses the policies of questions, each text once: a stream asks many
// questions about few policies, and reading them is most of the work. Whoever gets a
// policy shares it and must not change it.
type policyCache struct {
	parsed map[cachedText][]Policy
	bytes  int
	recent [8]string // texts of parsed
	next   int       // of recent, to be replaced
}

// cachedText is the text of one element of a question; the same text means different
// things in different elements.
type cachedText struct{ element, raw string }

// known returns the length of a policy, or list of policies, that rest begins with and
// that is already parsed; 0 when it is not among the recent ones. A list or an object
// in JSON cannot go on after its end, so there is no longer one that begins like it.
func (c *policyCache) known(rest string) int {
	for _, raw := range c.recent {
		if raw != "" && strings.HasPrefix(rest, raw) {
			return len(raw)
		}
	}
	return 0
}

// policies parses a list of policies without principals.
func (c *policyCache) policies(kind Kind, element, raw string) ([]Policy, error) {
	return c.parse(element, raw, func(v value) ([]Policy, error) {
		if v.kind != kindList {
			return nil, fmt.Errorf("is %s; write a list of policies", v.kind)
		}
		policies := make([]Policy, 0, len(v.list))
		for i, item := range v.list {
			doc, err := parsePolicyValue(func(value) Kind { return kind }, item)
			if err != nil {
				return nil, fmt.Errorf("policy %d: %w", i, err)
			}
			policies = append(policies, Policy{Name: fmt.Sprintf("%s[%d]", element, i), Document: doc})
		}
		return policies, nil
	})
}

// resourcePolicy parses the policy of a resource; with trust set it may be that of a
// role, which has no resources in it.
func (c *policyCache) resourcePolicy(raw string, trust bool) (*Policy, error) {
	element := "resourcePolicy"
	if trust {
		element = "trust policy"
	}
	policies, err := c.parse(element, raw, func(v value) ([]Policy, error) {
		doc, err := parsePolicyValue(func(v value) Kind {
			if trust && !mentionsResource(v) {
				return KindTrust
			}
			return KindResource
		}, v)
		return []Policy{{Name: "resourcePolicy", Document: doc}}, err
	})
	if err != nil {
		return nil, fmt.Errorf("resourcePolicy: %w", err)
	}
	return &policies[0], nil
}

func (c *policyCache) parse(element, raw string, read func(value) ([]Policy, error)) ([]Policy, error) {
	if policies, ok := c.parsed[cachedText{element, raw}]; ok {
		return policies, nil
	}
	raw = strings.Clone(raw) // what is kept must not keep its whole line
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, err
	}
	policies, err := read(v)
	if err != nil {
		return nil, err
	}
	if c.bytes += len(raw); c.bytes > maxCachedBytes || c.parsed == nil {
		c.parsed, c.bytes = map[cachedText][]Policy{}, len(raw)
	}
	c.parsed[cachedText{element, raw}] = policies
	if raw[0] == '{' || raw[0] == '[' {
		c.recent[c.next] = raw
		c.next = (c.next + 1) % len(c.recent)
	}
	return policies, nil
}

// parsePolicyValue parses a policy, which may stand in a string.
func parsePolicyValue(kindOf func(value) Kind, v value) (*Document, error) {
	if v.kind == kindString {
		if len(v.text) > MaxDocumentBytes {
			return nil, malformed("document", "has %d bytes; at most %d are read", len(v.text), MaxDocumentBytes)
		}
		inner, err := decodeJSON(v.text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		v = inner
	}
	return parseDocument(kindOf(v), v)
}
