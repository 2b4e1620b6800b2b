package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// policy is a document of the installation and where it goes.
type policy struct {
	name  string // of package tenancy: "bucket-policy"
	kind  iam.Kind
	where string // "the policy of bucket artifacts"
	want  func(tenancy.Installation) *iam.Document
	put   func(ctx context.Context, document *iam.Document) error
}

// replace plans to put the policy in the place of have, nil for none. Ours are statements
// whose Sid package tenancy explains; of the others a Deny stays, for without it something
// would be allowed that somebody wanted denied, and an Allow goes: nobody has more
// permissions after provision than its documents give. Config.ReplacePolicies drops both.
func (p *Provisioner) replace(plan *Plan, does string, pol policy, have []byte) error {
	want := pol.want(p.documents())
	if have == nil {
		plan.add(does, func(ctx context.Context) error { return pol.put(ctx, pol.want(p.in)) })
		return nil
	}
	before, err := iam.Parse(pol.kind, have)
	if err != nil {
		return p.replaceUnread(plan, does, pol, have, err)
	}
	kept, err := p.foreignDenials(pol, before)
	if err != nil {
		return err
	}
	for _, s := range kept {
		plan.Kept = append(plan.Kept, Kept{Where: pol.where, Statement: text(s)})
	}
	with := func(d *iam.Document) *iam.Document {
		d.Statements = slices.Concat(d.Statements, kept)
		return d
	}
	after := with(want)
	if iam.Equal(before, after) {
		return nil
	}
	for _, s := range kept {
		if gone := vanished(s); gone != "" {
			return fmt.Errorf("%s has a denial about %s, a user or role that was deleted; AWS takes no policy that names one: %s; take it out, or give --replace-policy to drop it", pol.where, gone, text(s))
		}
	}
	plan.add(does, func(ctx context.Context) error { return pol.put(ctx, with(pol.want(p.in))) })
	step := &plan.Steps[len(plan.Steps)-1]
	step.Removes, step.Adds = missing(before, after), missing(after, before)
	return nil
}

// replaceUnread is replace for a policy that AWS has taken and this program cannot read.
func (p *Provisioner) replaceUnread(plan *Plan, does string, pol policy, have []byte, cause error) error {
	if !p.cfg.ReplacePolicies {
		return fmt.Errorf("%s cannot be understood, so nobody knows what would be lost with it: %w; look at it, and give --replace-policy to replace it", pol.where, cause)
	}
	plan.add(does, func(ctx context.Context) error { return pol.put(ctx, pol.want(p.in)) })
	step := &plan.Steps[len(plan.Steps)-1]
	if json.Valid(have) {
		step.Removes = []json.RawMessage{have}
	}
	step.Adds = missing(pol.want(p.documents()), &iam.Document{Version: iam.Version2012})
	return nil
}

// foreignDenials returns the denials of a policy that are not ours, as far as they are to
// stay.
func (p *Provisioner) foreignDenials(pol policy, before *iam.Document) ([]iam.Statement, error) {
	if p.cfg.ReplacePolicies {
		return nil, nil
	}
	explained, _ := tenancy.Explain(pol.name)
	var kept []iam.Statement
	for _, s := range before.Statements {
		if _, ours := explained.Statements[s.Sid]; ours || s.Effect != iam.Deny {
			continue
		}
		// Our documents have policy variables, which the older version does not know: there
		// "${" is text, and would become a variable (facts AWS §3.4).
		if before.Version != iam.Version2012 && strings.Contains(string(text(s)), "${") {
			return nil, fmt.Errorf("%s has Version %s and a denial of somebody else's with ${ in it, which would mean something else in our Version %s: %s; write it so that it does not, or give --replace-policy to drop it",
				pol.where, before.Version, iam.Version2012, text(s))
		}
		kept = append(kept, s)
	}
	return kept, nil
}

// uniqueID is what AWS shows in place of the ARN of a user or role that was deleted
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
var uniqueID = regexp.MustCompile(`^A(IDA|ROA)[A-Z0-9]+$`)

// vanished returns a principal of a statement that is gone, "" if there is none.
func vanished(s iam.Statement) string {
	for _, principals := range []*iam.Principals{s.Principals, s.NotPrincipals} {
		if principals == nil {
			continue
		}
		if i := slices.IndexFunc(principals.AWS, uniqueID.MatchString); i >= 0 {
			return principals.AWS[i]
		}
	}
	return ""
}

// missing returns the statements of a that b has not.
func missing(a, b *iam.Document) []json.RawMessage {
	var texts []json.RawMessage
	for _, s := range a.Statements {
		if !has(b, s, a.Version) {
			texts = append(texts, text(s))
		}
	}
	return texts
}

// has reports whether a document has a statement that means what s means in a document of
// a version.
func has(d *iam.Document, s iam.Statement, version string) bool {
	alone := &iam.Document{Version: version, Statements: []iam.Statement{s}}
	return slices.ContainsFunc(d.Statements, func(other iam.Statement) bool {
		return iam.Equal(alone, &iam.Document{Version: d.Version, Statements: []iam.Statement{other}})
	})
}

// text is a statement as people read it, on one line.
func text(s iam.Statement) json.RawMessage {
	document, err := json.Marshal(&iam.Document{Version: iam.Version2012, Statements: []iam.Statement{s}})
	var parts struct{ Statement []json.RawMessage }
	if err == nil {
		err = json.Unmarshal(document, &parts)
	}
	if err == nil && len(parts.Statement) != 1 {
		err = errors.New("no statement")
	}
	if err != nil { // a condition that is there twice, which a parsed document has not
		return json.RawMessage(fmt.Sprintf("%q", err))
	}
	return parts.Statement[0]
}

// mentions reports whether a policy names each of the ARNs somewhere, as a whole: as
// principal, resource or value of a condition. A policy that cannot be read names nothing.
func mentions(kind iam.Kind, policy []byte, arns ...string) bool {
	d, err := iam.Parse(kind, policy)
	if err != nil {
		return false
	}
	named := map[string]bool{}
	for _, s := range d.Statements {
		values := slices.Concat(s.Resources, s.NotResources)
		if s.Principals != nil {
			values = append(values, s.Principals.AWS...)
		}
		for _, c := range s.Conditions {
			values = append(values, c.Values...)
		}
		for _, v := range values {
			named[v] = true
		}
	}
	return !slices.ContainsFunc(arns, func(arn string) bool { return !named[arn] })
}
