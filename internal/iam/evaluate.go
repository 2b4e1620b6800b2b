package iam

// Parse reads a policy document of the given kind, strictly.
func Parse(kind Kind, text []byte) (*Document, error) { panic("to be written") }

// MarshalJSON writes the document with its elements in AWS's order.
func (d *Document) MarshalJSON() ([]byte, error) { panic("to be written") }

// Canonical returns the canonical form: equal documents have equal bytes.
func (d *Document) Canonical() []byte { panic("to be written") }

// Evaluate decides one request in one context.
func Evaluate(req Request, set PolicySet) Decision { panic("to be written") }

// All joins the decisions of several contexts that must all allow.
func All(decisions ...Decision) Decision { panic("to be written") }

// Public reports whether a bucket or access point policy grants public access.
func Public(kind Kind, d *Document) (bool, []Reason) { panic("to be written") }
