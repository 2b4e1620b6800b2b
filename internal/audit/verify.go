package audit

import "fmt"

// Broken is the first record that is not what it was, or not at its place.
type Broken struct {
	Chain Chain
	Seq   int64 // that it has, or should have
	Why   string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("record %d of the chain %s is broken: %s", b.Seq, b.Chain, b.Why)
}

// Verifier follows one chain, record by record.
type Verifier struct {
	chain Chain
	head  Head
}

// NewVerifier returns a verifier that begins behind head, which is trusted: Begin(chain)
// for a whole chain.
func NewVerifier(chain Chain, head Head) *Verifier { return &Verifier{chain, head} }

// Head is that of the records so far.
func (v *Verifier) Head() Head { return v.head }

// Next follows the chain to r, or returns a *Broken.
func (v *Verifier) Next(r Record) error {
	want := v.head.Seq + 1
	switch {
	case r.Chain != v.chain:
		return &Broken{v.chain, want, "it is of the chain " + Clean(string(r.Chain))}
	case r.Seq > want:
		return &Broken{v.chain, want, fmt.Sprintf("it is missing: the next one is %d", r.Seq)}
	case r.Seq < want:
		return &Broken{v.chain, r.Seq, "it comes again"}
	case hashOf(v.head.Hash, r) != r.Hash:
		return &Broken{v.chain, want, "its hash is not that of what it says after the record before it"}
	}
	v.head = r.Head()
	return nil
}

// Passes reports whether the records so far, of which r is the last, agree with a head
// that was kept; nil as long as they do not reach it.
func (v *Verifier) Passes(kept Head) error {
	if v.head.Seq == kept.Seq && v.head.Hash != kept.Hash {
		return &Broken{v.chain, kept.Seq, "it has another hash than the head that was kept: it, or one before it, was written anew"}
	}
	return nil
}

// Ends reports whether the chain, which has no further records, reaches a head that was
// kept.
func (v *Verifier) Ends(kept Head) error {
	if kept.Seq == 0 && kept != Begin(v.chain) {
		return &Broken{v.chain, 1, "it does not follow the head that was kept, which is the beginning of another chain, or of none"}
	}
	if v.head.Seq < kept.Seq {
		return &Broken{v.chain, v.head.Seq + 1, fmt.Sprintf("it is missing: the chain ends with %d, and had %d when the head was kept", v.head.Seq, kept.Seq)}
	}
	return nil
}
