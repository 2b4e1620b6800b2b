package diagnosis

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// change is what somebody did to a document.
type change func(tenancy.Installation, *iam.Document) *iam.Document

// The rows of one kind: a document that is put with the aws CLI, and is not what it should be.

func bucketPolicy(code, as string, c change) row {
	return changed(code, as, tenancy.Installation.BucketPolicy, c, "aws s3api put-bucket-policy --bucket $BUCKET --policy file://changed.json")
}

func keyPolicy(code, as string, c change) row {
	return changed(code, as, tenancy.Installation.KeyPolicy, c,
		"aws kms put-key-policy --key-id $KEY --policy-name default --bypass-policy-lockout-safety-check --policy file://changed.json")
}

func baseRoleTrust(code, as string, c change) row {
	return changed(code, as, tenancy.Installation.BaseRoleTrust, c, "aws iam update-assume-role-policy --role-name $BASE --policy-document file://changed.json")
}

func baseRolePermissions(code, as string, c change) row {
	return changed(code, as, tenancy.Installation.BaseRolePermissions, c, putPermissions("$BASE"))
}

func backendPermissions(code, as string, c change) row {
	return changed(code, as, tenancy.Installation.BackendPermissions, c, putPermissions("$BACKEND"))
}

func casPermissions(code, as string, c change) row {
	return changed(code, as, tenancy.Installation.CASPermissions, c, putPermissions("$CAS"))
}

func putPermissions(role string) string {
	return "aws iam put-role-policy --role-name " + role + " --policy-name managedcas --policy-document file://changed.json"
}

func changed(code, as string, of func(tenancy.Installation) *iam.Document, c change, put string) row {
	return row{code: code, as: as, mistake: []string{put}, files: func(s *site) map[string]string {
		return map[string]string{"changed.json": marshalled(c(s.in, of(s.in)))}
	}}
}

// before has an administrator do something before the mistake.
func (r row) before(lines ...string) row {
	r.mistake = slices.Concat(lines, r.mistake)
	return r
}

func without(sids ...string) change {
	return func(_ tenancy.Installation, d *iam.Document) *iam.Document {
		d.Statements = slices.DeleteFunc(d.Statements, func(st iam.Statement) bool { return slices.Contains(sids, st.Sid) })
		return d
	}
}

func statement(sid string, edit func(tenancy.Installation, *iam.Statement)) change {
	return func(in tenancy.Installation, d *iam.Document) *iam.Document {
		for i := range d.Statements {
			if d.Statements[i].Sid == sid {
				edit(in, &d.Statements[i])
			}
		}
		return d
	}
}

func actions(sid string, actions ...string) change {
	return statement(sid, func(_ tenancy.Installation, st *iam.Statement) { st.Actions = actions })
}

func principal(sid string, p func(tenancy.Installation) *iam.Principals) change {
	return statement(sid, func(in tenancy.Installation, st *iam.Statement) { st.Principals = p(in) })
}

func lacking(action string) change {
	return func(_ tenancy.Installation, d *iam.Document) *iam.Document {
		for i := range d.Statements {
			if d.Statements[i].Effect == iam.Allow {
				d.Statements[i].Actions = slices.DeleteFunc(d.Statements[i].Actions, func(a string) bool { return a == action })
			}
		}
		d.Statements = slices.DeleteFunc(d.Statements, func(st iam.Statement) bool { return len(st.Actions)+len(st.NotActions) == 0 })
		return d
	}
}

// condition replaces what a statement asks of a key, or adds it.
func condition(sid, operator, key string, values ...string) change {
	return statement(sid, func(_ tenancy.Installation, st *iam.Statement) {
		st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool { return c.Key == key })
		st.Conditions = append(st.Conditions, iam.Condition{Operator: operator, Key: key, Values: values})
	})
}

func unconditional(sid, operator string) change {
	return statement(sid, func(_ tenancy.Installation, st *iam.Statement) {
		st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool { return c.Operator == operator })
	})
}

func besides(more ...iam.Statement) change {
	return func(_ tenancy.Installation, d *iam.Document) *iam.Document {
		d.Statements = append(d.Statements, more...)
		return d
	}
}

func marshalled(d *iam.Document) string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// kindOf tells documents that are a resource's from those that are a role's.
func kindOf(d *iam.Document) iam.Kind {
	switch st := d.Statements[0]; {
	case st.Principals == nil:
		return iam.KindIdentity
	case len(st.Resources) == 0:
		return iam.KindTrust
	}
	return iam.KindBucket
}

// replaced has another text everywhere in the document in place of one.
func replaced(old, by string) change {
	return func(_ tenancy.Installation, d *iam.Document) *iam.Document {
		other, err := iam.Parse(kindOf(d), []byte(strings.ReplaceAll(marshalled(d), old, by)))
		if err != nil {
			panic(err)
		}
		return other
	}
}

func both(changes ...change) change {
	return func(in tenancy.Installation, d *iam.Document) *iam.Document {
		for _, c := range changes {
			d = c(in, d)
		}
		return d
	}
}

func anybody() *iam.Principals             { return &iam.Principals{Any: true} }
func named(arns ...string) *iam.Principals { return &iam.Principals{AWS: arns} }

const anybodysBucket, boss = "arn:aws:s3:::example-artifacts", "arn:aws:iam::" + accountID + ":user/boss"

// allow and deny are statements of a policy; principals are nil in a role's own.
func allow(who *iam.Principals, action, resource string) iam.Statement {
	return iam.Statement{Sid: "Added", Effect: iam.Allow, Principals: who, Actions: []string{action}, Resources: []string{resource}}
}

func deny(who *iam.Principals, action, resource string) iam.Statement {
	return iam.Statement{Sid: "Added", Effect: iam.Deny, Principals: who, Actions: []string{action}, Resources: []string{resource}}
}

// trusting is a statement of a trust policy.
func trusting(who *iam.Principals, action string) iam.Statement {
	return iam.Statement{Sid: "Added", Effect: iam.Allow, Principals: who, Actions: []string{action}}
}
