package tenancy

// Canary returns the content of the organization's canary: a small artifact that probes
// store, read and list. It is the same for ever, and so is its digest: it exists once, at
// its address like every artifact, and is stored again by nobody.
func (t Tenant) Canary() []byte {
	return []byte("This is the canary of organization " + t.id.String() + ": probes read it.\n")
}
