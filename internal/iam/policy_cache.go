package iam

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// maxCachedBytes bounds the texts that a policyCache holds. Parsed, they take a few
// times as much; and every core has its own.
const maxCachedBytes = 4 << 20

// policyCache parses the policies of questions, and keeps those that come again: a
// stream asks many questions about few policies, and reading them is most of the work.
// Whoever gets a policy shares it and must not change it.
type policyCache struct {
	parsed map[cachedText][]Policy
	bytes  int
	seed   maphash.Seed
	once   []uint64 // hashes of texts that came once: keeping what never comes again costs more than it saves
	recent map[string]*recentTexts
	room   valueRoom
}

// cachedText is the text of one element of a question; the same text means different
// things in different elements.
type cachedText struct{ element, raw string }

// onceSeen is how many hashes of texts are kept in policyCache.once.
const onceSeen = 4096

// recentTexts are texts that stood behind one name, a few of those in
// policyCache.parsed.
type recentTexts struct {
	texts [16]recentText
	n     int // used of texts
	last  int // that was recognized
	next  int // to be tried first, and to be replaced
}

type recentText struct {
	cachedText
	policies []Policy
}

// known returns the policy, or list of policies, that rest begins with and that is
// already parsed; nothing when it is not among the recent ones. A list or an object
// in JSON cannot go on after its end, so there is no longer one that begins like it.
func (c *policyCache) known(name, rest string) string {
	r := c.recent[name]
	if r == nil {
		return ""
	}
	// Streams repeat themselves, so behind the last text comes the one that did before.
	for i := range r.n {
		at := (r.next + i) % r.n
		if raw := r.texts[at].raw; strings.HasPrefix(rest, raw) {
			r.last, r.next = at, (at+1)%r.n
			return raw
		}
	}
	return ""
}

// remember makes text known behind name.
func (c *policyCache) remember(name string, text cachedText, policies []Policy) {
	if text.raw[0] != '{' && text.raw[0] != '[' {
		return
	}
	if c.recent == nil {
		c.recent = map[string]*recentTexts{}
	}
	r := c.recent[name]
	if r == nil {
		r = &recentTexts{}
		c.recent[name] = r
	}
	if r.n < len(r.texts) {
		r.next = r.n
		r.n++
	}
	r.texts[r.next] = recentText{text, policies}
	r.next = (r.next + 1) % r.n
}

// cameBefore reports whether the text came before, as far as is known.
func (c *policyCache) cameBefore(text cachedText) bool {
	if c.once == nil {
		c.once, c.seed = make([]uint64, onceSeen), maphash.MakeSeed()
	}
	hash := maphash.Comparable(c.seed, text)
	at := &c.once[hash%onceSeen]
	if *at == hash {
		return true
	}
	*at = hash
	return false
}

// policies parses a list of policies without principals.
func (c *policyCache) policies(kind Kind, element, raw string) ([]Policy, error) {
	return c.parse(element, element, raw, func(v value) ([]Policy, error) {
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
	policies, err := c.parse("resourcePolicy", element, raw, func(v value) ([]Policy, error) {
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

func (c *policyCache) parse(name, element, raw string, read func(value) ([]Policy, error)) ([]Policy, error) {
	text := cachedText{element, raw}
	if r := c.recent[name]; r != nil && r.texts[r.last].cachedText == text {
		return r.texts[r.last].policies, nil
	}
	if policies, ok := c.parsed[text]; ok {
		return policies, nil
	}
	keep := c.cameBefore(text)
	if keep {
		text.raw = strings.Clone(raw) // what is kept must not keep all lines around it
	}
	s := scanner{text: text.raw, valueRoom: valueRoom{c.room.open[:0], c.room.done[:0]}}
	v, err := s.decode()
	if err != nil {
		return nil, err
	}
	policies, err := read(v) // keeps strings, but no values
	c.room = s.valueRoom
	if err != nil || !keep {
		return policies, err
	}
	if c.bytes += len(raw); c.bytes > maxCachedBytes || c.parsed == nil {
		c.parsed, c.bytes = map[cachedText][]Policy{}, len(raw)
	}
	c.parsed[text] = policies
	c.remember(name, text, policies)
	return policies, nil
}

// parsePolicyValue parses a policy, which may stand in a string.
func parsePolicyValue(kindOf func(value) Kind, v value) (*Document, error) {
	if v.kind == kindString {
		if len(v.text) > MaxDocumentBytes {
			return nil, malformed(in("document"), "has %d bytes; at most %d are read", len(v.text), MaxDocumentBytes)
		}
		inner, err := decodeJSON(v.text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		v = inner
	}
	return parseDocument(kindOf(v), v)
}
