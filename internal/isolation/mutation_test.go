package isolation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// A proof that cannot fail proves nothing: each row is a mistake that people make,
// and the attempt that must reveal it.
func TestI8_ProofFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mistake string
		source  string
		mutate  func(*isolation.Scheme)
		missing isolation.Layer // the knock-out that reveals it
		action  string
		route   string
	}{
		{
			mistake: "documents scoped to access points but not to key prefixes",
			source:  "facts AWS §12.2",
			mutate: func(s *isolation.Scheme) {
				s.BaseRole = unscoped(s.BaseRole)
				s.Bucket = grants(s.Bucket)
				s.AccessPoint = mapped(s.AccessPoint, func(d *iam.Document) *iam.Document {
					return unscoped(drop(d, "NothingOutsideOwnPrefix"))
				})
				s.Session = mapped(s.Session, unscoped)
			},
			missing: isolation.None, action: "s3:GetObject", route: "own access point",
		},
		{
			mistake: "access point policy that grants to everybody, which no session policy limits",
			source:  "facts AWS §12.3",
			mutate: func(s *isolation.Scheme) {
				s.AccessPoint = mapped(s.AccessPoint, func(d *iam.Document) *iam.Document {
					return unscoped(toEverybody(grants(d)))
				})
			},
			missing: isolation.BucketPolicy, action: "s3:PutObject", route: "own access point",
		},
		{
			mistake: "access point policy that lets every session of the role in, session policy for all access points",
			source:  "facts AWS §12.4",
			mutate: func(s *isolation.Scheme) {
				s.AccessPoint = mapped(s.AccessPoint, func(d *iam.Document) *iam.Document {
					return withoutConditions(grants(d))
				})
				s.Session = func(tenancy.Tenant) *iam.Document { return everything() }
			},
			missing: isolation.BucketPolicy, action: "s3:GetObject", route: "other's access point",
		},
		{
			mistake: "trust policy that does not bind the session name to the tag",
			source:  "facts AWS §4.5",
			mutate: func(s *isolation.Scheme) {
				s.BaseRoleTrust = withoutConditions(s.BaseRoleTrust)
			},
			missing: isolation.None, action: "sts:AssumeRole", route: "STS",
		},
		{
			mistake: "trust policy that trusts the whole account",
			source:  "facts AWS §10.3",
			mutate: func(s *isolation.Scheme) {
				root := s.Installation.RootARN()
				s.BaseRoleTrust = edit(s.BaseRoleTrust, func(st *iam.Statement) {
					st.Principals = &iam.Principals{AWS: []string{root}}
				})
			},
			missing: isolation.None, action: "sts:AssumeRole", route: "STS",
		},
		{
			mistake: "key use that is not limited to S3",
			source:  "facts AWS §10.2",
			mutate: func(s *isolation.Scheme) {
				s.BaseRole = withoutConditions(s.BaseRole)
				s.Session = mapped(s.Session, withoutConditions)
			},
			missing: isolation.KeyPolicy, action: "kms:Decrypt", route: "KMS",
		},
		{
			mistake: "base role with the bucket itself, bucket policy without its denials",
			source:  "facts AWS §2.1",
			mutate: func(s *isolation.Scheme) {
				s.BaseRole = everything()
				s.Bucket = grants(s.Bucket)
			},
			missing: isolation.SessionPolicy, action: "s3:DeleteObject", route: "bucket",
		},
		{
			mistake: "listing without a prefix",
			source:  "facts AWS §7.5",
			mutate: func(s *isolation.Scheme) {
				s.Bucket = withoutConditions(grants(s.Bucket))
				s.BaseRole = withoutConditions(s.BaseRole)
				s.Session = mapped(s.Session, withoutConditions)
				s.AccessPoint = mapped(s.AccessPoint, grants)
			},
			missing: isolation.None, action: "s3:ListBucket", route: "own access point",
		},
		{
			mistake: "backend that may read data",
			source:  "DESIGN §2",
			mutate: func(s *isolation.Scheme) {
				s.Backend = everything()
				s.Bucket = grants(s.Bucket)
			},
			missing: isolation.None, action: "s3:GetObject", route: "bucket",
		},
		{
			mistake: "session policy that forgets the key: organizations cannot reach their own",
			source:  "facts AWS §12.12",
			mutate: func(s *isolation.Scheme) {
				s.Session = mapped(s.Session, func(d *iam.Document) *iam.Document {
					return drop(d, "OwnKeyUse")
				})
			},
			missing: isolation.None, action: "s3:PutObject", route: "own access point, Bucket Key",
		},
		{
			mistake: "bucket that does not delegate: organizations cannot reach their own",
			source:  "facts AWS §12.10",
			mutate: func(s *isolation.Scheme) {
				s.Bucket = drop(s.Bucket, "DelegateObjectsToAccessPoints")
			},
			missing: isolation.None, action: "s3:GetObject", route: "own access point, Bucket Key",
		},
		{
			mistake: "role that was recreated: organizations cannot reach their own",
			source:  "facts AWS §12.16",
			mutate:  func(s *isolation.Scheme) { s.BaseRoleID = "AROAANOTHER0ROLE" },
			missing: isolation.None, action: "s3:GetObject", route: "own access point, Bucket Key",
		},
	} {
		t.Run(test.mistake, func(t *testing.T) {
			t.Parallel()
			scheme := isolation.SchemeOf(installation(t, dashed), baseRoleID)
			test.mutate(&scheme)
			report, err := scheme.Prove()
			if err != nil {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(report.Failures(), func(row isolation.Row) bool {
				return row.Missing == test.missing && row.Attempt.Action == test.action && row.Attempt.Route == test.route
			})
			if !found {
				t.Errorf("not found without %s (%s); %d other failures", test.missing, test.source, len(report.Failures()))
			}
		})
	}
}

// edit returns a copy of d with f applied to every statement.
func edit(d *iam.Document, f func(*iam.Statement)) *iam.Document {
	statements := slices.Clone(d.Statements)
	for i := range statements {
		f(&statements[i])
	}
	return &iam.Document{Version: d.Version, Statements: statements}
}

func drop(d *iam.Document, sid string) *iam.Document {
	return &iam.Document{Version: d.Version, Statements: slices.DeleteFunc(slices.Clone(d.Statements),
		func(s iam.Statement) bool { return s.Sid == sid })}
}

func grants(d *iam.Document) *iam.Document {
	return &iam.Document{Version: d.Version, Statements: slices.DeleteFunc(slices.Clone(d.Statements),
		func(s iam.Statement) bool { return s.Effect == iam.Deny })}
}

func withoutConditions(d *iam.Document) *iam.Document {
	return edit(d, func(s *iam.Statement) { s.Conditions = nil })
}

func toEverybody(d *iam.Document) *iam.Document {
	return edit(d, func(s *iam.Statement) { s.Principals = &iam.Principals{Any: true} })
}

// unscoped replaces the key prefix in every resource by nothing.
func unscoped(d *iam.Document) *iam.Document {
	return edit(d, func(s *iam.Statement) {
		s.Resources = slices.Clone(s.Resources)
		for i, resource := range s.Resources {
			if before, _, ok := strings.Cut(resource, "/object/"); ok {
				s.Resources[i] = before + "/object/*"
			}
		}
	})
}

func everything() *iam.Document {
	return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"},
	}}}
}

// mapped is of, with f applied to what it returns.
func mapped(of func(tenancy.Tenant) *iam.Document, f func(*iam.Document) *iam.Document) func(tenancy.Tenant) *iam.Document {
	return func(t tenancy.Tenant) *iam.Document {
		if d := of(t); d != nil {
			return f(d)
		}
		return nil
	}
}
