package gate

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

// Bind implements Principals. It sees roles and users as far as they have
// propagated: naming one too soon fails, as on AWS (facts AWS §4.5).
func (g *Gate) Bind(doc *iam.Document) (*iam.Document, error) {
	var bound *iam.Document
	err := g.dir.Replica(func(tx directory.Tx) error {
		var err error
		bound, err = convert(doc, func(entry string) (string, error) { return bind(tx, entry) })
		return err
	})
	return bound, err
}

// Unbind implements Principals.
func (g *Gate) Unbind(doc *iam.Document) *iam.Document {
	unbound := doc
	// A transaction that only reads fails when the database is closed; the ids that
	// stay in the document then match nobody.
	_ = g.dir.Replica(func(tx directory.Tx) error {
		unbound = unbind(tx, doc)
		return nil
	})
	return unbound
}

func unbind(tx directory.Tx, doc *iam.Document) *iam.Document {
	unbound, err := convert(doc, func(entry string) (string, error) {
		if !isUniqueID(entry) {
			return entry, nil
		}
		p, err := directory.PrincipalByID(tx, entry)
		if err != nil {
			return entry, nil // gone: the id matches nobody
		}
		return p.ARN, nil
	})
	if err != nil {
		return doc
	}
	return unbound
}

func bind(tx directory.Tx, entry string) (string, error) {
	switch {
	case isUniqueID(entry):
		if _, err := directory.PrincipalByID(tx, entry); err != nil {
			return "", invalidPrincipal(entry, err)
		}
		return entry, nil
	case isEntityARN(entry):
		p, err := directory.PrincipalByARN(tx, entry)
		if err != nil {
			return "", invalidPrincipal(entry, err)
		}
		return p.ID, nil
	default:
		return entry, nil
	}
}

func invalidPrincipal(entry string, err error) error {
	if !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	return &api.Error{
		Status:  http.StatusBadRequest,
		Code:    "MalformedPolicy",
		Message: "Invalid principal in policy",
		Extra:   [][2]string{{"Detail", `"AWS" : "` + entry + `"`}},
	}
}

// isUniqueID reports whether a principal is the unique id of a role or user.
func isUniqueID(entry string) bool {
	return strings.HasPrefix(entry, "AROA") || strings.HasPrefix(entry, "AIDA")
}

// isEntityARN reports whether a principal is the ARN of something in IAM other than
// an account's root.
func isEntityARN(entry string) bool {
	parts := strings.SplitN(entry, ":", 6)
	return len(parts) == 6 && parts[2] == "iam" && parts[5] != "root"
}

// convert returns doc with the AWS principals of its statements replaced; doc itself
// when nothing changes, as it does for most documents at every request.
func convert(doc *iam.Document, replace func(string) (string, error)) (*iam.Document, error) {
	if doc == nil {
		return nil, nil
	}
	var statements []iam.Statement // nil as long as nothing changed
	for i, s := range doc.Statements {
		principals, err := convertPrincipals(s.Principals, replace)
		if err != nil {
			return nil, err
		}
		notPrincipals, err := convertPrincipals(s.NotPrincipals, replace)
		if err != nil {
			return nil, err
		}
		if principals == s.Principals && notPrincipals == s.NotPrincipals {
			continue
		}
		if statements == nil {
			statements = slices.Clone(doc.Statements)
		}
		statements[i].Principals, statements[i].NotPrincipals = principals, notPrincipals
	}
	if statements == nil {
		return doc, nil
	}
	converted := *doc
	converted.Statements = statements
	return &converted, nil
}

func convertPrincipals(p *iam.Principals, replace func(string) (string, error)) (*iam.Principals, error) {
	if p == nil {
		return nil, nil
	}
	var entries []string
	for i, entry := range p.AWS {
		replaced, err := replace(entry)
		if err != nil {
			return nil, err
		}
		if replaced == entry {
			continue
		}
		if entries == nil {
			entries = slices.Clone(p.AWS)
		}
		entries[i] = replaced
	}
	if entries == nil {
		return p, nil
	}
	converted := *p
	converted.AWS = entries
	return &converted, nil
}
